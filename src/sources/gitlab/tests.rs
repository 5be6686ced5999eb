use super::*;
use crate::{
    config::Layers,
    domain::{Change, Fact, Run},
    sources::http::{
        Ask, Method,
        stage::{Act, Stage as Server, message},
    },
};

fn table(rest: &str) -> SourceConfig {
    SourceConfig::from_toml(&format!("kind = \"gitlab\"\n{rest}")).unwrap()
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

#[tokio::test]
async fn the_first_look_is_one_request_for_a_whole_list() {
    let rows = r#"[{"id":7,"status":"running","ref":"main","sha":"a91957a8","updated_at":"2026-11-24T03:00:00Z"},{"id":6,"status":"success"}]"#;
    let server = Server::of([Act::json(rows)]).await;
    let source = source(&format!("url = \"http://{}/git\"\nprojects = [\"acme/shop/cart\"]\ntoken_command = [\"echo\", \"t0ken\"]", server.address));
    let batch = source.watch(Feed::Runs, None).next().await.unwrap().unwrap();
    assert_eq!((batch.facts.len(), &batch.facts[0], batch.facts.last()), (4, &Change::<Run>::Begin.into(), Some(&Change::<Run>::Done.into())));
    let asked = server.asked();
    assert!(asked[0].starts_with("GET /git/api/v4/projects/acme%2Fshop%2Fcart/pipelines?order_by=updated_at&sort=desc&per_page=20 "), "{}", asked[0]);
    assert!(asked.len() == 1 && asked[0].to_lowercase().contains("private-token: t0ken"), "{asked:?}");
}

#[tokio::test]
async fn one_project_at_fault_and_one_row_that_can_not_be_read_do_not_hide_the_others() {
    let bad = Act::answer("500 Internal Server Error", &[("Content-Type", "application/json")], "{\"message\":\"boom\"}");
    let rows = Act::json(r#"[{"id":7,"status":"running"},{"id":null},{"id":6,"user":5}]"#);
    let server = Server::of([bad, rows]).await;
    let source = source(&format!("url = \"http://{}\"\nprojects = [\"acme/cart\", \"acme/shop\"]\ntoken_command = [\"echo\", \"t\"]", server.address));
    let looks: Vec<_> = source.watch(Feed::Runs, None).take(2).collect().await;
    let facts: Vec<_> = looks.into_iter().flat_map(|batch| batch.expect("the other one answers").facts).collect();
    assert!(matches!(&facts[..], [Fact::Run(Change::Begin), Fact::Run(Change::Upsert(run))] if run.number == 7), "{facts:?}");
    let lacks = source.offers().lacks;
    assert!(lacks.len() == 2 && lacks[0].contains("boom") && lacks[1].starts_with("acme/shop: 2 of 3 rows can not be read: "), "{lacks:?}");
}

#[tokio::test]
async fn a_further_page_is_asked_for_where_we_reach_it_whatever_the_server_calls_itself() {
    let link = r#"<https://public.example/api/v4/projects/7/pipelines?page=2&per_page=20&order_by=updated_at>; rel="next""#;
    let head = [("Content-Type", "application/json"), ("Link", link)];
    let acts = [Act::answer("200 OK", &head, r#"[{"id":7,"ref":"dev"}]"#), Act::json(r#"[{"id":6,"ref":"main"}]"#)];
    let server = Server::of(acts).await;
    let source =
        source(&format!("url = \"http://{}/git\"\nprojects = [\"acme/cart\"]\nbranches = [\"ma*\"]\ntoken_command = [\"echo\", \"t\"]", server.address));
    let facts = source.watch(Feed::Runs, None).next().await.unwrap().expect("both pages").facts;
    assert!(matches!(&facts[1], Fact::Run(Change::Upsert(run)) if run.number == 6), "{facts:?}");
    let second = &server.asked()[1];
    assert!(second.starts_with("GET /git/api/v4/projects/acme%2Fcart/pipelines?page=2&per_page=20&order_by=updated_at "), "{second}");
}

#[test]
fn what_is_wrong_with_the_table_is_told_with_the_remedy() {
    assert!(broken("").contains("projects = [\"group/name\"]"));
    assert!(broken("projects = [\"cart\"]").contains("`cart` is not the path of a project"));
    assert!(broken("projects = [\"a/b\"]\nurl = \"ftp://x\"").contains("http"));
    assert!(broken("projects = [\"a/b\"]\ntoken_kind = \"deploy\"").contains("deploy"));
    assert!(broken("projects = [\"a/b\"]\nurl = \"http://git.example\"\ntoken_env = \"X\"").contains("in the clear"));
}

#[test]
fn each_gitlab_has_its_name() {
    let id = |rest: &str| source(&format!("projects = [\"a/b\"]\ntoken_env = \"X\"\n{rest}")).id().as_str().to_owned();
    assert_eq!(id(""), "gitlab");
    assert_eq!(id("url = \"https://git.example:8443/gitlab\""), "gitlab/git.example:8443");
    assert_eq!(id("name = \"work\""), "gitlab/work");
}

#[test]
fn projects_that_are_not_named_are_those_of_the_services_then_the_one_here() {
    let config = Layers::new().file("c.toml".as_ref(), "[[service]]\nname = \"cart\"\nmatch = { repository = \"acme/shop/cart\" }\n").read().unwrap();
    let here = remote::Remote { host: "gitlab.com".into(), repository: "acme/here".into() };
    let named = |config: &Config, place: &Place| projects(&bare(), place, config, Some(&here));
    assert_eq!(named(&config, &Place::cloud()), ["acme/shop/cart"]);
    assert_eq!(named(&Config::default(), &Place::cloud()), ["acme/here"]);
    assert!(named(&Config::default(), &Place::at("git.example").unwrap()).is_empty());
}

#[tokio::test]
async fn deployments_are_told_only_where_a_service_names_the_project() {
    let source = source("projects = [\"a/b\"]\ntoken_env = \"X\"");
    assert!(!source.offers().feeds.contains(&FeedKind::Workloads) && !source.offers().verbs.contains(&Verb::RollBack));
    assert!(matches!(source.watch(Feed::Workloads, None).next().await, Some(Err(SourceError::Unsupported(_)))));
    assert!(matches!(source.ask(Question::Subject(crate::domain::Id::new(source.id(), "x"))).await, Err(SourceError::NotFound(_))));
}

#[tokio::test]
async fn a_change_is_sent_once_and_told_as_what_came_back() {
    let answered = |status: &str| Act::answer(status, &[("Content-Type", "application/json")], "{}");
    let moved = |status: &str| Act::answer(status, &[("Location", "/elsewhere")], "");
    for (act, told) in [
        (answered("201 Created"), "Accepted"),
        (answered("403 Forbidden"), "Refused"),
        (answered("409 Conflict"), "Refused"),
        (moved("307 Temporary Redirect"), "Refused"),
        (moved("302 Found"), "Refused"),
        (moved("303 See Other"), "Unclear"),
        (answered("429 Too Many Requests"), "Refused"),
        (answered("500 Internal Server Error"), "Unclear"),
        (answered("502 Bad Gateway"), "Unclear"),
        (answered("503 Service Unavailable"), "Unclear"),
        (Act::Reset(Vec::new()), "Unclear"),
        (Act::Reset(message("201 Created", &[], b"{", 9)), "Unclear"),
    ] {
        let server = Server::of([act.clone()]).await;
        let http = Http::new(Settings { url: server.url(), ..Settings::default() }).unwrap();
        let login = Login { host: "git.example".into(), token: None };
        let api = Api::new(SourceId::new("gitlab"), login, (http, None), Pace::USUAL, Gates::default(), Usual::new(0));
        let (stage, _) = api.carry("acme/cart", &"job deploy".into(), Ask::change(Method::POST, "x", None)).await;
        assert!(format!("{stage:?}").starts_with(told), "{act:?}: {stage:?}");
        assert_eq!(server.asked().len(), 1, "{act:?}: it was sent once");
    }
}
