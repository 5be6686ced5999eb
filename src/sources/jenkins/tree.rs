//! The jobs of a Jenkins, in folders and in branches, each with its newest build.

use super::{
    api::Api,
    wire::{Build, STATE, decoded},
};
use crate::{
    clean,
    domain::glob,
    sources::{
        SourceError,
        ci::{Row, Rows},
    },
    text::Clean,
};
use serde::Deserialize;
use std::collections::BTreeSet;

/// So many floors are read at once; what lies deeper takes a request of its own.
const FLOORS: usize = 5;
/// So many requests for the list of jobs at most.
const READS: usize = 20;
/// So many jobs at most: those that were built last.
const JOBS: usize = 500;

/// What is looked at.
pub(super) struct Scope {
    /// Jobs and folders.
    pub jobs: Vec<String>,
    /// Branches of multibranch projects.
    pub branches: Vec<String>,
    /// The newest of each job.
    pub runs: usize,
}

/// A job.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Its folders and its name: `shop/cart/main`.
    pub path: String,
    /// The branch of a multibranch project that it is.
    pub branch: Option<String>,
    /// Whether it is a pipeline.
    pub pipeline: bool,
    /// The number of the build that comes next.
    pub next: u64,
    /// Its newest build, as far as it tells how that stands.
    pub last: Option<Build>,
}

impl Item {
    /// A job of which nothing is known but where it is.
    pub fn unknown(path: &str) -> Self {
        Self { path: path.to_owned(), branch: None, pipeline: false, next: 0, last: None }
    }

    /// What a service is joined by: the multibranch project of a branch, else the job itself.
    pub fn project(&self) -> &str {
        match &self.branch {
            Some(_) => self.path.rsplit_once('/').map_or(&self.path, |(project, _)| project),
            None => &self.path,
        }
    }

    /// What runs: the name of the project.
    pub fn workflow(&self) -> &str {
        self.project().rsplit('/').next().unwrap_or_default()
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Node {
    #[serde(rename = "_class")]
    class: Option<String>,
    name: Option<String>,
    color: Option<String>,
    #[serde(rename = "nextBuildNumber")]
    next: Option<u64>,
    #[serde(rename = "lastBuild")]
    last: Option<Row<Build>>,
    jobs: Option<Rows<Node>>,
}

impl Node {
    fn says(&self, word: &str) -> bool {
        self.class.as_deref().is_some_and(|class| class.contains(word))
    }

    /// Folders, projects of many branches, organisations: they have no colour.
    fn holds_others(&self) -> bool {
        self.jobs.is_some() || (self.color.is_none() && self.last.is_none())
    }
}

impl Scope {
    /// The folders below which all that is wanted lies.
    fn roots(&self) -> Vec<String> {
        let literal = |pattern: &String| {
            let names: Vec<&str> = pattern.split('/').collect();
            let fixed = names[..names.len() - 1].iter().take_while(|name| !name.contains(['*', '?'])).copied().collect::<Vec<_>>();
            fixed.join("/")
        };
        let all: BTreeSet<String> = self.jobs.iter().map(literal).collect();
        if all.is_empty() || all.contains("") {
            return vec![String::new()];
        }
        let inside = |one: &String, other: &String| one.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('/'));
        all.iter().filter(|one| !all.iter().any(|other| inside(one, other))).cloned().collect()
    }

    fn wants(&self, item: &Item) -> bool {
        let path = item.branch.as_ref().map_or_else(|| item.path.clone(), |branch| format!("{}/{branch}", item.project()));
        let named = |pattern: &String| glob(pattern, &path) || glob(&format!("{pattern}/*"), &path);
        let branch = item.branch.as_ref().is_none_or(|branch| self.branches.is_empty() || self.branches.iter().any(|pattern| glob(pattern, branch)));
        branch && (self.jobs.is_empty() || self.jobs.iter().any(named))
    }
}

/// All jobs that are wanted, those that were built last first.
pub(super) async fn read(api: &Api, scope: &Scope) -> Result<Vec<Item>, SourceError> {
    let mut open: Vec<(String, bool)> = scope.roots().into_iter().map(|root| (root, false)).collect();
    let (mut found, mut reads, mut denied) = (Vec::new(), 0, None);
    while let Some((folder, branches)) = open.pop() {
        reads += 1;
        let ask = Api::fields(&folder, &[], &fields(FLOORS));
        match api.find::<Node>(&folder, ask).await {
            Ok(Some(node)) => {
                let many = branches || node.says("MultiBranch");
                let mut lost = Vec::new();
                walk(node.jobs.unwrap_or_default(), (&folder, many), FLOORS, (&mut found, &mut open, &mut lost));
                api.note(&folder, lost.into_iter().next());
            }
            // The first one is the server itself.
            Ok(None) if folder.is_empty() => {
                return Err(SourceError::NotFound(clean!("{} has no Jenkins there; is the URL right, with its prefix?", api.login.host)));
            }
            Ok(None) => {
                let words = clean!("{folder}: there is no such folder, or we may not look");
                api.note(&folder, Some(words.clone()));
                denied = Some(SourceError::NotFound(words));
            }
            Err(SourceError::Denied(words)) if !folder.is_empty() => {
                api.note(&folder, Some(words.clone()));
                denied = Some(SourceError::Denied(words));
            }
            Err(error) => return Err(error),
        }
        if reads >= READS {
            break;
        }
    }
    if let Some(error) = denied.filter(|_| found.is_empty()) {
        return Err(error);
    }
    found.retain(|item: &Item| scope.wants(item));
    found.sort_by_key(|item| std::cmp::Reverse(item.last.as_ref().and_then(Build::at)));
    let all = found.len();
    found.truncate(JOBS);
    let cut = if open.is_empty() { clean!("of {all} jobs the {JOBS} that were built last are shown") } else { clean!("not all folders are read") };
    api.note("jobs", (all > JOBS || !open.is_empty()).then(|| clean!("{cut}; name those that matter: jobs = [\"folder/*\"]")));
    api.learn(found.iter().cloned());
    Ok(found)
}

/// What is asked of a folder, so many floors deep.
fn fields(floors: usize) -> String {
    let own = format!("_class,name,color,nextBuildNumber,lastBuild[{STATE}]");
    let inner = (0..floors).fold(String::new(), |below, _| if below.is_empty() { format!("jobs[{own}]") } else { format!("jobs[{own},{below}]") });
    format!("_class,{inner}")
}

/// Jobs, folders of which it is known whether they hold branches, and what can not be read.
type Sorted<'a> = (&'a mut Vec<Item>, &'a mut Vec<(String, bool)>, &'a mut Vec<Clean>);

/// Sorts what is in a folder: jobs are found, what lies deeper than was read is open, and what can not be read is said.
fn walk(nodes: Rows<Node>, (folder, branches): (&str, bool), floors: usize, into: Sorted<'_>) {
    let (found, open, lost) = into;
    let place = if folder.is_empty() { "the list of jobs" } else { folder };
    lost.extend(nodes.lost.map(|words| clean!("{place}: {words}")));
    for node in nodes.read {
        let Some(name) = node.name.as_deref().filter(|name| !name.is_empty()) else { continue };
        let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        if node.holds_others() {
            let many = node.says("MultiBranch");
            match node.jobs {
                Some(jobs) => walk(jobs, (&path, many), floors.saturating_sub(1), (&mut *found, &mut *open, &mut *lost)),
                None if floors <= 1 => open.push((path, many)),
                None => {}
            }
            continue;
        }
        let branch = branches.then(|| decoded(name));
        let pipeline = branches || node.says("WorkflowJob");
        let last = match node.last.map(|Row(last)| last) {
            Some(Err(why)) => {
                lost.push(clean!("{path}: its newest build can not be read: {why}"));
                None
            }
            Some(Ok(last)) => Some(last).filter(|build| build.number > 0),
            None => None,
        };
        let next = node.next.or_else(|| last.as_ref().map(|last| last.number + 1)).unwrap_or_default();
        found.push(Item { path, branch, pipeline, next, last });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn scope(jobs: &[&str], branches: &[&str]) -> Scope {
        let own = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect();
        Scope { jobs: own(jobs), branches: own(branches), runs: 10 }
    }

    fn job(path: &str, branch: Option<&str>) -> Item {
        Item { path: path.into(), branch: branch.map(str::to_owned), pipeline: true, next: 1, last: None }
    }

    #[test]
    fn only_the_folders_are_read_in_which_something_wanted_can_be() {
        for (jobs, roots) in [
            (&[][..], &[""][..]),
            (&["cart"], &[""]),
            (&["shop/*"], &["shop"]),
            (&["shop/cart", "shop/pay/*"], &["shop"]),
            (&["shop/*/deploy", "ops/x"], &["ops", "shop"]),
            (&["*/cart", "shop/x"], &[""]),
        ] {
            assert_eq!(scope(jobs, &[]).roots(), roots, "{jobs:?}");
        }
    }

    #[test]
    fn a_pattern_names_a_job_a_folder_or_a_branch() {
        let main = job("shop/cart/main", Some("main"));
        let hot = job("shop/cart/hot%2Ffix", Some("hot/fix"));
        for (jobs, branches, item, wanted) in [
            (&[][..], &[][..], &main, true),
            (&["shop"], &[], &main, true),
            (&["shop/cart"], &[], &hot, true),
            (&["shop/cart/hot/*"], &[], &hot, true),
            (&["shop/cart/hot/*"], &[], &main, false),
            (&["shop/ca"], &[], &main, false),
            (&[], &["hot/*"], &hot, true),
            (&[], &["hot/*"], &main, false),
            (&[], &["hot/*"], &job("nightly", None), true),
        ] {
            assert_eq!(scope(jobs, branches).wants(item), wanted, "{jobs:?} {branches:?} {}", item.path);
        }
        assert_eq!((hot.project(), hot.workflow(), job("a/b", None).project()), ("shop/cart", "cart", "a/b"));
    }

    #[test]
    fn folders_branches_and_jobs_are_told_apart_and_what_lies_deeper_is_left_open() {
        let tree = json!([
            { "_class": "com.cloudbees.hudson.plugins.folder.Folder", "name": "shop", "jobs": [
                { "_class": "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject", "name": "cart", "jobs": [
                    { "_class": "org.jenkinsci.plugins.workflow.job.WorkflowJob", "name": "hot%2Ffix", "color": "blue", "lastBuild": { "number": 7, "building": true } } ] },
                { "_class": "com.cloudbees.hudson.plugins.folder.Folder", "name": "empty", "jobs": [] } ] },
            { "_class": "hudson.model.FreeStyleProject", "name": "nightly", "color": "notbuilt", "nextBuildNumber": 1, "lastBuild": null },
            { "_class": "hudson.model.FreeStyleProject", "name": "odd", "color": "blue", "lastBuild": { "number": "seven" } },
            { "name": null }, 7, { "_class": "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject", "name": "deep" },
        ]);
        let (mut found, mut open, mut lost) = (Vec::new(), Vec::new(), Vec::new());
        walk(serde_json::from_str(&tree.to_string()).expect("a list"), ("", false), 1, (&mut found, &mut open, &mut lost));
        let told: Vec<_> = found.iter().map(|item| (item.path.as_str(), item.branch.as_deref(), item.pipeline, item.next)).collect();
        assert_eq!(told, [("shop/cart/hot%2Ffix", Some("hot/fix"), true, 8), ("nightly", None, false, 1), ("odd", None, false, 0)]);
        assert_eq!(open, [("deep".to_owned(), true)]);
        let [row, build] = lost.as_slice() else { panic!("{lost:?}") };
        assert!(row.starts_with("the list of jobs: 1 of 6 rows can not be read: invalid type: integer"), "{row}");
        assert!(build.starts_with("odd: its newest build can not be read: invalid type: string"), "{build}");
    }

    #[test]
    fn the_fields_are_nested_as_deep_as_is_read_at_once() {
        assert_eq!(fields(5).matches("jobs[").count(), 5);
        assert!(fields(1).starts_with("_class,jobs[_class,name,") && fields(2).ends_with("displayName]]]"), "{}", fields(2));
    }
}
