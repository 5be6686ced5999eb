//! Where a run comes from: its repository, branch, commit, title and author. Tekton knows none of them; Pipelines as Code writes them beside the run,
//! and others tell them in parameters and results by the names that people give to these. What nobody tells stays empty.

use super::{
    repeat::{self, REPEATS},
    wire::{Param, PipelineRun},
};
use crate::{
    sources::kubernetes::wire::{Shape, label, note},
    text::{Clean, Name},
};

const PIPELINES_AS_CODE: &str = "pipelinesascode.tekton.dev/";

/// The usual names, in small letters and without hyphens.
const COMMITS: &[&str] = &["revision", "commit", "commitsha", "commitid", "sha", "gitcommit", "gitsha", "gitrevision", "sourcerevision", "chainsgitcommit"];
const BRANCHES: &[&str] = &["branch", "gitbranch", "branchname", "sourcebranch", "ref", "gitref", "revision", "gitrevision"];
const REPOSITORIES: &[&str] =
    &["repourl", "giturl", "gitrepourl", "repositoryurl", "repository", "gitrepository", "repo", "gitrepo", "sourceurl", "url", "chainsgiturl"];
const TITLES: &[&str] = &["commitmessage", "gitcommitmessage", "committitle", "title"];
const AUTHORS: &[&str] = &["sender", "author", "commitauthor", "gitauthor", "pusher", "actor"];

/// What is told beside a run, in an annotation or in a label.
fn beside<'a>(run: &'a PipelineRun, key: &str) -> Option<&'a str> {
    let key = format!("{PIPELINES_AS_CODE}{key}");
    note(run.meta(), &key).or_else(|| label(run.meta(), &key)).filter(|text| !text.is_empty())
}

/// The first parameter or result of one of these names whose value is as it must be.
fn told(run: &PipelineRun, names: &[&str], fits: impl Fn(&str) -> bool) -> Option<String> {
    let all = || run.spec.params.iter().chain(results(run));
    let called = |param: &Param| param.name.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect::<String>();
    names.iter().find_map(|name| all().find(|param| called(param) == *name && fits(param.text().trim()))).map(|param| param.text().trim().to_owned())
}

fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `main` of `refs/heads/main`.
fn bare(branch: &str) -> &str {
    ["refs/heads/", "refs/tags/"].iter().find_map(|start| branch.strip_prefix(start)).unwrap_or(branch)
}

/// `acme/cart` of `https://git.example/acme/cart.git` or `git@git.example:acme/cart`.
fn path(url: &str) -> Option<&str> {
    let url = url.trim_end_matches('/').trim_end_matches(".git");
    let place = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?.1,
        None => url.split_once(':').map_or(url, |(_, path)| path),
    };
    (place.contains('/') && !place.starts_with('/')).then_some(place)
}

/// The repository; where nobody tells it, the namespace of the run.
pub fn repository(run: &PipelineRun) -> Name {
    if let (Some(owner), Some(name)) = (beside(run, "url-org"), beside(run, "url-repository")) {
        return Name::new(&format!("{owner}/{name}"));
    }
    let url = beside(run, "repo-url").map(str::to_owned).or_else(|| told(run, REPOSITORIES, |text| path(text).is_some()));
    let named = url.as_deref().and_then(path);
    Name::new(named.or(run.meta().namespace.as_deref()).unwrap_or_default())
}

/// The branch that the change is on, or its tag.
pub fn branch(run: &PipelineRun) -> Name {
    let named = beside(run, "source-branch").or_else(|| beside(run, "branch")).map(str::to_owned);
    let named = named.or_else(|| told(run, BRANCHES, |text| !text.is_empty() && !is_commit(text)));
    Name::new(named.as_deref().map(bare).unwrap_or_default())
}

/// The commit.
pub fn commit(run: &PipelineRun) -> Name {
    let named = beside(run, "sha").map(str::to_owned).or_else(|| told(run, COMMITS, is_commit));
    Name::new(&named.unwrap_or_default())
}

/// The digests of the images that it built: results whose names Tekton Chains knows (its documentation of type hints), `…IMAGE_DIGEST` with one and
/// `IMAGES` with several references.
pub fn digests(run: &PipelineRun) -> Box<[Name]> {
    let told = results(run).filter(|result| result.name.ends_with("IMAGE_DIGEST") || result.name == "IMAGES").map(Param::text);
    let digest = |part: &str| part.trim().rsplit('@').next().filter(|digest| digest.starts_with("sha256:")).map(Name::new);
    told.flat_map(|text| text.split([',', '\n']).filter_map(digest).collect::<Vec<_>>()).collect()
}

/// What came of it, however its version writes that.
pub fn results(run: &PipelineRun) -> impl Iterator<Item = &Param> {
    run.status.results.iter().chain(&run.status.pipeline_results)
}

/// The commit's title, else the name of the run.
pub fn title(run: &PipelineRun) -> Clean {
    let named = beside(run, "sha-title").map(str::to_owned).or_else(|| told(run, TITLES, |text| !text.is_empty()));
    let named = named.as_deref().and_then(|text| text.lines().next());
    Clean::from_untrusted(named.or(run.meta().name.as_deref()).unwrap_or_default())
}

/// Whose change it is.
pub fn author(run: &PipelineRun) -> Clean {
    let named = beside(run, "sender").map(str::to_owned).or_else(|| told(run, AUTHORS, |text| !text.is_empty()));
    Clean::from_untrusted(&named.unwrap_or_default())
}

/// The pipeline: by its name, by that of the file that it is written in, or by what the names of its runs begin with.
pub fn pipeline(run: &PipelineRun) -> String {
    let referred = run.spec.pipeline_ref.as_ref();
    let from = |name: &str| referred.and_then(|referred| referred.params.iter().find(|param| param.name == name)).map(Param::text);
    let named = referred.map(|referred| referred.name.clone()).filter(|name| !name.is_empty());
    let named = named.or_else(|| beside(run, "original-prname").map(str::to_owned)).or_else(|| from("name"));
    let named = named.or_else(|| from("pathInRepo").and_then(|path| Some(path.rsplit('/').next()?.split('.').next()?.to_owned())));
    // Where a run has its pipeline written in it, its label names the run itself.
    let labelled = || label(run.meta(), "tekton.dev/pipeline").filter(|name| Some(*name) != run.meta().name.as_deref()).map(str::to_owned);
    let meta = run.meta();
    let begins = || {
        let begin = repeat::begin(meta.generate_name.as_deref(), meta.name.as_deref().unwrap_or_default(), note(meta, REPEATS).is_some());
        begin.map(|begin| begin.trim_end_matches('-').to_owned())
    };
    named.or_else(labelled).or_else(begins).filter(|name| !name.is_empty()).or_else(|| run.meta().name.clone()).unwrap_or_default()
}

/// Where a person can look at it, where somebody has told.
pub fn link(run: &PipelineRun) -> Option<Clean> {
    beside(run, "log-url").filter(|url| url.starts_with("https://") || url.starts_with("http://")).map(Clean::from_untrusted)
}

/// The Secret with the token that Pipelines as Code made for this run alone.
pub fn own_token(run: &PipelineRun) -> Option<Clean> {
    beside(run, "git-auth-secret").map(Clean::from_untrusted)
}
