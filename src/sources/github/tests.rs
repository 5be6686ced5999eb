use super::*;
use crate::domain::{Change, Fact, Run};
use crate::{
    config::Layers,
    sources::http::{
        Method,
        stage::{Act, Stage as Server},
    },
};
use std::time::Duration;

const RUNS: &str = include_str!("../../../tests/fixtures/github/2022-11-28/runs.json");

fn table(rest: &str) -> SourceConfig {
    SourceConfig::from_toml(&format!("kind = \"github\"\n{rest}")).unwrap()
}

fn source(rest: &str) -> Arc<dyn Source> {
    match paced(&table(rest), &Config::default(), Pace::USUAL) {
        Made::Source(source) => source,
        Made::Broken(_, why) => panic!("{}", why.words),
        Made::Aside(_) | Made::Listed(..) | Made::Sought(_) | Made::Absent(..) => panic!("nothing is listed"),
    }
}

fn broken(rest: &str) -> Clean {
    match paced(&table(rest), &Config::default(), Pace::USUAL) {
        Made::Broken(_, why) => why.words,
        Made::Source(_) | Made::Aside(_) | Made::Listed(..) | Made::Sought(_) | Made::Absent(..) => panic!("it should be broken: {rest}"),
    }
}

/// What the first look at the runs brings, with a token, when the server answers so.
async fn looked(acts: impl IntoIterator<Item = Act>) -> (Result<Batch, SourceError>, Vec<String>, Offers) {
    let server = Server::of(acts).await;
    let source = source(&format!("url = \"http://{}\"\nrepositories = [\"acme/cart\"]\ntoken_command = [\"echo\", \"t0ken\"]", server.address));
    let first = source.watch(Feed::Runs, None).next().await.expect("a stream without end");
    (first, server.asked(), source.offers())
}

async fn refused(status: &str, headers: &[(&str, &str)], message: &str) -> (Trouble, Clean) {
    let body = format!("{{\"message\":\"{message}\"}}");
    let headers: Vec<_> = headers.iter().copied().chain([("Content-Type", "application/json")]).collect();
    let why = looked([Act::answer(status, &headers, &body)]).await.0.unwrap_err().why();
    (why.trouble, why.words)
}

#[tokio::test]
async fn the_first_look_is_a_whole_list_and_tells_what_is_left() {
    let head = [("Content-Type", "application/json"), ("x-ratelimit-limit", "5000"), ("x-ratelimit-remaining", "4912"), ("x-ratelimit-reset", "4000000000")];
    let history = Act::json("{\"workflow_runs\":[]}");
    let (batch, asked, offers) = looked([Act::answer("200 OK", &head, RUNS), history]).await;
    let facts = batch.unwrap().facts;
    assert_eq!((facts.len(), &facts[0], facts.last()), (7, &Change::<Run>::Begin.into(), Some(&Change::<Run>::Done.into())));
    assert_eq!(offers.budget.as_deref(), Some("4,912 left"));
    assert!(offers.lacks.is_empty() && offers.verbs == super::changes::VERBS.into(), "{offers:?}");
    assert!(asked[0].starts_with("GET /api/v3/repos/acme/cart/actions/runs?exclude_pull_requests=true&per_page=30 "), "{}", asked[0]);
    let first = asked[0].to_lowercase();
    for header in ["accept: application/vnd.github+json", "x-github-api-version: 2022-11-28", "authorization: bearer t0ken", "user-agent: pilothouse/"] {
        assert!(first.contains(header), "{first}");
    }
}

#[tokio::test]
async fn a_refusal_names_the_token_and_the_remedy() {
    let (trouble, words) = refused("401 Unauthorized", &[], "Bad credentials").await;
    assert!(
        trouble == Trouble::Denied && words.contains("the program echo") && words.contains("gh auth login") && words.contains("Bad credentials"),
        "{words}"
    );

    let (trouble, words) = refused("403 Forbidden", &[("X-Accepted-GitHub-Permissions", "actions=read")], "Resource not accessible").await;
    assert!(trouble == Trouble::Denied && words.contains("it needs actions=read") && words.contains("acme/cart"), "{words}");

    let sso = [("X-GitHub-SSO", "required; url=https://github.com/orgs/acme/sso?a=1")];
    let (trouble, words) = refused("403 Forbidden", &sso, "SAML").await;
    assert!(trouble == Trouble::Denied && words.contains("single sign-on") && words.contains("https://github.com/orgs/acme/sso"), "{words}");

    let (trouble, words) = refused("404 Not Found", &[], "Not Found").await;
    assert!(trouble == Trouble::NotFound && words.contains("may not look") && words.contains("acme/cart"), "{words}");

    let (trouble, words) = refused("502 Bad Gateway", &[], "x").await;
    assert!(trouble == Trouble::Unreachable, "{words}");
}

#[tokio::test]
async fn a_limit_is_told_from_a_missing_permission() {
    for (status, headers, message) in [
        ("403 Forbidden", &[("Retry-After", "30")][..], "slow down"),
        ("429 Too Many Requests", &[], "slow down"),
        ("403 Forbidden", &[], "You have exceeded a secondary rate limit."),
        ("403 Forbidden", &[("x-ratelimit-limit", "5000"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "4000000000")], "API rate limit exceeded"),
    ] {
        let (trouble, words) = refused(status, headers, message).await;
        assert_eq!(trouble, Trouble::RateLimited, "{words}");
    }
}

#[tokio::test]
async fn nothing_is_sent_while_github_asks_us_to_wait() {
    let limit = Act::answer("403 Forbidden", &[("Retry-After", "600"), ("Content-Type", "application/json")], "{\"message\":\"slow down\"}");
    let server = Server::of([limit]).await;
    let source = source(&format!("url = \"http://{}\"\nrepositories = [\"acme/cart\", \"acme/shop\"]\ntoken_command = [\"echo\", \"t\"]", server.address));
    for _ in 0..3 {
        let error = source.watch(Feed::Runs, None).next().await.unwrap().unwrap_err();
        assert!(matches!(error, SourceError::RateLimited { .. }), "{error}");
    }
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn one_repository_that_refuses_us_does_not_hide_the_others() {
    let acts = [Act::answer("404 Not Found", &[("Content-Type", "application/json")], "{\"message\":\"Not Found\"}"), Act::json("{\"workflow_runs\":[]}")];
    let server = Server::of(acts).await;
    let source = source(&format!("url = \"http://{}\"\nrepositories = [\"acme/cart\", \"acme/shop\"]\ntoken_command = [\"echo\", \"t\"]", server.address));
    let mut watch = source.watch(Feed::Runs, None);
    let facts: Vec<_> = [watch.next().await, watch.next().await].into_iter().flatten().flat_map(|batch| batch.unwrap().facts).collect();
    assert_eq!(facts, [Change::<Run>::Begin.into(), Change::<Run>::Done.into()]);
    let lacks = source.offers().lacks;
    assert!(lacks.len() == 1 && lacks[0].starts_with("acme/cart: "), "{lacks:?}");
}

/// What the looks at two repositories bring, as the server answers one after the other.
async fn looked_at_two(acts: [Act; 2]) -> (Vec<Result<Batch, SourceError>>, Vec<Clean>) {
    let server = Server::of(acts).await;
    let source = source(&format!("url = \"http://{}\"\nrepositories = [\"acme/cart\", \"acme/shop\"]\ntoken_command = [\"echo\", \"t\"]", server.address));
    let looks = source.watch(Feed::Runs, None).take(2).collect().await;
    (looks, source.offers().lacks)
}

#[tokio::test]
async fn one_repository_at_fault_does_not_hide_the_others_and_its_list_is_not_whole() {
    let good = || Act::json(r#"{"workflow_runs":[{"id":7,"status":"completed","conclusion":"success"}]}"#);
    for (bad, says) in [
        (Act::answer("500 Internal Server Error", &[("Content-Type", "application/json")], "{\"message\":\"boom\"}"), "boom"),
        (Act::answer("502 Bad Gateway", &[], "x"), "502"),
        (Act::json("{\"workflow_runs\":[{"), "can not be read"),
        (Act::json("{\"workflow_runs\":null}"), "can not be read"),
        (Act::json("{}"), "workflow_runs"),
    ] {
        let (looks, lacks) = looked_at_two([bad.clone(), good()]).await;
        let facts: Vec<_> = looks.into_iter().flat_map(|batch| batch.expect("the other one answers").facts).collect();
        assert!(matches!(&facts[..], [Fact::Run(Change::Begin), Fact::Run(Change::Upsert(run))] if run.repository.raw() == "acme/shop"), "{facts:?}");
        assert!(lacks.len() == 1 && lacks[0].contains("acme/cart") && lacks[0].contains(says), "{lacks:?}");
        let (looks, _) = looked_at_two([bad.clone(), bad]).await;
        assert!(matches!(&looks[..], [Ok(_), Err(SourceError::Protocol(_) | SourceError::Unreachable(_))]), "all at fault is GitHub at fault: {looks:?}");
    }
}

#[tokio::test]
async fn a_fault_that_passes_is_over_at_the_next_look_which_is_soon() {
    let bad = Act::answer("502 Bad Gateway", &[], "x");
    let server = Server::of([bad, Act::json(r#"{"workflow_runs":[{"id":7,"status":"completed","conclusion":"success"}]}"#)]).await;
    let source = source(&format!("url = \"http://{}\"\nrepositories = [\"acme/cart\", \"acme/shop\"]\ntoken_command = [\"echo\", \"t\"]", server.address));
    let looks: Vec<_> = source.watch(Feed::Runs, None).take(3).collect().await;
    let last = &looks[2].as_ref().expect("an answer").facts;
    assert!(matches!(&last[..], [Fact::Run(Change::Upsert(run)), Fact::Run(Change::Done)] if run.repository.raw() == "acme/cart"), "{last:?}");
    assert!(source.offers().lacks.is_empty());
}

#[tokio::test]
async fn one_run_that_can_not_be_read_does_not_hide_the_others_and_is_told() {
    let rows = r#"{"workflow_runs":[{"id":9,"run_number":null,"status":"completed","conclusion":"success"},{"id":null},{"id":7,"run_started_at":5},{"id":6}]}"#;
    let (batch, _, offers) = looked([Act::json(rows)]).await;
    let facts = batch.expect("a list").facts;
    let runs: Vec<&str> = facts.iter().filter_map(|fact| if let Fact::Run(Change::Upsert(run)) = fact { Some(run.id.key()) } else { None }).collect();
    assert_eq!(runs, ["acme/cart/runs/9", "acme/cart/runs/6"]);
    assert!(offers.lacks.len() == 1 && offers.lacks[0].starts_with("acme/cart: 2 of 4 rows can not be read: "), "{:?}", offers.lacks);
}

#[test]
fn what_is_wrong_with_the_table_is_told_with_the_remedy() {
    assert!(broken("").contains("repositories = [\"owner/name\"]"));
    assert!(broken("repositories = [\"cart\"]").contains("`cart` is not a repository"));
    assert!(broken("repositories = [\"a/b\"]\nurl = \"ftp://x\"").contains("http"));
    assert!(broken("repositories = [\"a/b\"]\nrepos = 1").contains("repos"));
    for (key, value) in [("runs", 0), ("runs", 101), ("history", -1)] {
        let words = broken(&format!("repositories = [\"a/b\"]\n{key} = {value}"));
        assert!(words.contains(&format!("{value} is not between 1 and 100")) && words.contains("source:4"), "{words}");
    }
    assert!(broken("repositories = [\"a/b\"]\nurl = \"http://ghe.example\"\ntoken_env = \"X\"").contains("in the clear"));
}

#[test]
fn each_github_has_its_name() {
    let id = |rest: &str| source(&format!("repositories = [\"a/b\"]\ntoken_env = \"X\"\n{rest}")).id().as_str().to_owned();
    assert_eq!(id(""), "github");
    assert_eq!(id("url = \"acme.ghe.com\""), "github/acme.ghe.com");
    assert_eq!(id("url = \"https://ghe.example:8443\""), "github/ghe.example:8443");
    assert_eq!(id("name = \"work\""), "github/work");
}

#[test]
fn repositories_that_are_not_named_are_those_of_the_services_then_the_one_here() {
    let config = Layers::new().file("c.toml".as_ref(), "[[service]]\nname = \"cart\"\nmatch = { repository = \"acme/cart\" }\n").read().unwrap();
    let here = remote::Remote { host: "github.com".into(), repository: "acme/here".into() };
    let named = |config: &Config, place: &Place| repositories(&bare(), place, config, Some(&here));
    assert_eq!(named(&config, &Place::cloud()), ["acme/cart"]);
    assert_eq!(named(&Config::default(), &Place::cloud()), ["acme/here"]);
    assert!(named(&Config::default(), &Place::at("acme.ghe.com").unwrap()).is_empty());
}

#[tokio::test]
async fn deployments_are_told_only_where_a_service_names_the_repository() {
    let source = source("repositories = [\"a/b\"]\ntoken_env = \"X\"");
    assert!(!source.offers().feeds.contains(&FeedKind::Workloads) && !source.offers().verbs.contains(&crate::domain::Verb::RollBack));
    assert!(matches!(source.ask(Question::Subject(crate::domain::Id::new(source.id(), "x"))).await, Err(SourceError::NotFound(_))));
    let first = tokio::time::timeout(Duration::from_secs(5), source.watch(Feed::Workloads, None).next()).await.unwrap();
    assert!(matches!(first, Some(Err(SourceError::Unsupported(_)))));
}

#[test]
fn environments_are_told_that_somebody_knows() {
    let text = "[[service]]\nname = \"cart\"\nmatch = { repository = \"acme/cart\" }\n[[environment]]\nname = \"eu\"\ntier = \"production\"\n\
                [[environment]]\nname = \"shops\"\ntier = \"staging\"\nmatch = [{ project = \"acme/*\", namespace = \"shop-*\" }]\n";
    let config = Layers::new().file("c.toml".as_ref(), text).read().unwrap();
    let named = |names: &[&str]| names.iter().map(|name| Name::new(name)).collect::<Vec<_>>();
    let id = SourceId::new("github");
    let deploys = deploys(&id, &named(&["acme/cart", "acme/other"]), &config).expect("a service names one");
    assert_eq!(deploys.repositories, named(&["acme/cart"]));
    for (environment, wanted) in [("eu", true), ("shop-7", true), ("prod-us", true), ("Staging", true), ("github-pages", false), ("pr-311", false)] {
        assert_eq!((deploys.wanted)("acme/cart", environment), wanted, "{environment}");
    }
    assert!(super::deploys(&id, &named(&["acme/other"]), &config).is_none());
}

#[tokio::test]
async fn a_change_is_sent_once_and_told_as_what_came_back_in_words_about_the_change() {
    let head = |more: &'static [(&str, &str)]| [&[("Content-Type", "application/json")], more].concat();
    let said = |status: &str, more, message: &str| Act::answer(status, &head(more), &format!("{{\"message\":\"{message}\"}}"));
    let old = "Unable to retry this workflow run because it was created over a month ago";
    for (act, told, words) in [
        (said("201 Created", &[], ""), "Accepted", ""),
        (said("403 Forbidden", &[], old), "Refused", "acme/cart: ghe.example refuses it: Unable to retry"),
        (said("403 Forbidden", &[("X-Accepted-GitHub-Permissions", "actions=write")], "Resource not accessible"), "Refused", "; it needs actions=write"),
        (said("403 Forbidden", &[("X-GitHub-SSO", "required; url=https://ghe.example/sso")], "SAML"), "Refused", "single sign-on"),
        (said("409 Conflict", &[], "Cannot cancel a workflow run that is completed"), "Refused", "refuses it: Cannot cancel"),
        (said("422 Unprocessable Entity", &[], "Unexpected inputs provided"), "Refused", "refuses it: Unexpected inputs"),
        (said("401 Unauthorized", &[], "Bad credentials"), "Refused", "does not accept the token"),
        (said("429 Too Many Requests", &[("Retry-After", "30")], "slow down"), "Refused", "asks us to wait"),
        (said("307 Temporary Redirect", &[("Location", "/repositories/1/x")], "Moved"), "Refused", "where a change is not sent"),
        (said("303 See Other", &[("Location", "/x")], ""), "Unclear", ""),
        (said("500 Internal Server Error", &[], ""), "Unclear", ""),
        (said("503 Service Unavailable", &[("Retry-After", "30")], ""), "Unclear", ""),
        (Act::Reset(Vec::new()), "Unclear", ""),
    ] {
        let server = Server::of([act.clone()]).await;
        let http = Http::new(Settings { url: server.url(), ..Settings::default() }).unwrap();
        let login = api::Login { host: "ghe.example".into(), token: Some("the variable T".into()) };
        let api = Api::new(SourceId::new("github"), login, http, Pace::USUAL, crate::sources::gates::Gates::default(), Usual::new(0));
        let (stage, _) = api.carry("acme/cart", Api::change(Method::POST, "acme/cart", &["x"], None)).await;
        let told_so = format!("{stage:?}");
        assert!(told_so.starts_with(told) && told_so.contains(words) && !told_so.contains("may not read"), "{act:?}: {stage:?}");
        assert_eq!(server.asked().len(), 1, "{act:?}: it was sent once");
    }
}
