//! What our Jenkins does when it is told to: as a servlet container in front of it answers, with redirects to the host that somebody wrote into its
//! settings, a crumb for those who come with a password, and error pages where an answer is not taken.

use super::{
    stand_in::{answered, missing, told},
    world::{PIPELINE, World},
};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, http::request::Parts};
use serde_json::{Value, json};

type Answer = Response<Full<Bytes>>;
type Fields = Vec<(String, String)>;

/// The one crumb, and the session that it belongs to.
const CRUMB: &str = "c0ffee";
const SESSION: &str = "JSESSIONID.1a2b=s1";

/// What whoever comes with a password must send along.
pub fn crumb(_: &World) -> Answer {
    let mut answer = told(&json!({ "_class": "hudson.security.csrf.DefaultCrumbIssuer", "crumb": CRUMB, "crumbRequestField": "Jenkins-Crumb" }), None);
    answer.headers_mut().insert("set-cookie", format!("{SESSION}; Path=/ci; HttpOnly; SameSite=Lax").parse().expect("a cookie"));
    answer
}

/// Carries out what is asked for below the server.
pub fn act(world: &mut World, request: &Parts, by_token: bool, segments: &[&str], (query, form): (&Fields, &Fields)) -> Answer {
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let genuine = header("jenkins-crumb") == Some(CRUMB) && header("cookie").is_some_and(|cookie| cookie.split("; ").any(|one| one == SESSION));
    if !by_token && (world.stale || !genuine) {
        return page(403, "Error 403 No valid crumb was included in the request");
    }
    let (mut path, mut rest) = (Vec::new(), segments);
    while let ["job", name, more @ ..] = rest {
        path.push(*name);
        rest = more;
    }
    let path = path.join("/");
    let right = match rest {
        ["build" | "buildWithParameters"] => "hudson.model.Item.Build",
        [_, "input", ..] => "",
        _ => "hudson.model.Item.Cancel",
    };
    if world.denied.contains(&right) {
        return answered(403, &[("x-you-are-authenticated-as", "kim".into()), ("x-required-permission", right.into())], Bytes::from_static(b"<html>no</html>"));
    }
    match rest {
        ["queue", "cancelItem"] => take_out(world, query),
        [what @ ("build" | "buildWithParameters")] => build(world, &path, what, form),
        [number, "input", id, what] => number.parse().map_or_else(|_| missing(), |number| answer(world, (&path, number), id, what, form)),
        [number, what @ ("stop" | "term" | "kill")] => number.parse().map_or_else(|_| missing(), |number| end(world, &path, number, what)),
        _ => missing(),
    }
}

/// A page, as people get one.
fn page(status: u16, title: &str) -> Answer {
    answered(status, &[("content-type", "text/html;charset=utf-8".into())], Bytes::from(format!("<html><head><title>{title}</title></head></html>")))
}

/// To where a browser goes on.
fn redirect(status: u16, place: &str) -> Answer {
    answered(status, &[("location", format!("http://wrong.example/ci/{place}"))], Bytes::new())
}

fn url(path: &str) -> String {
    path.split('/').map(|name| format!("job/{}/", name.replace('%', "%25"))).collect()
}

fn build(world: &mut World, path: &str, what: &str, form: &Fields) -> Answer {
    let Some(job) = world.jobs.get(path) else { return missing() };
    if job.disabled {
        return page(409, "is not buildable");
    }
    match (what, job.parameters.is_empty()) {
        ("build", false) => return page(400, "Nothing is submitted"),
        ("buildWithParameters", true) => return page(500, "This build is not parameterized!"),
        _ => {}
    }
    let given = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| Value::from(value.as_str()));
    let values = job.parameters.iter().map(|(name, kind, default)| match *kind {
        "PasswordParameterDefinition" => json!({ "_class": "hudson.model.PasswordParameterValue", "name": name }),
        "BooleanParameterDefinition" => json!({ "name": name, "value": given(name).map_or(default.clone(), |value| json!(value == "true")) }),
        _ => json!({ "name": name, "value": given(name).unwrap_or_else(|| default.get(0).unwrap_or(default).clone()) }),
    });
    let parameters: Vec<Value> = values.collect();
    let actions = json!([{ "parameters": parameters }, { "causes": [{ "shortDescription": "Started by user Kim", "userId": world.name, "userName": "Kim" }] }]);
    let same = world.queue.iter().find(|item| item["task"]["name"] == path && item["actions"][0] == actions[0]).and_then(|item| item["id"].as_u64());
    let mut shown: Vec<String> = form.iter().map(|(key, value)| format!("{key}={value}")).collect();
    shown.sort();
    world.acts.push(format!("{what} {path} {}", shown.join("&")).trim().to_owned());
    if let Some(item) = same {
        return redirect(303, &format!("queue/item/{item}/"));
    }
    let item = 500 + world.acts.len() as u64;
    world.enqueue(item, path, "In the quiet period", actions);
    redirect(201, &format!("queue/item/{item}/"))
}

fn take_out(world: &mut World, query: &Fields) -> Answer {
    let id: u64 = query.iter().find(|(key, _)| key == "id").and_then(|(_, id)| id.parse().ok()).unwrap_or(0);
    let Some(at) = world.queue.iter().position(|item| item["id"] == id) else { return page(404, "Provided id not found") };
    let mut item = world.queue.remove(at);
    item["cancelled"] = json!(true);
    world.left.push(item);
    world.acts.push(format!("cancelItem {id}"));
    answered(204, &[], Bytes::new())
}

fn end(world: &mut World, path: &str, number: u64, what: &str) -> Answer {
    let class = world.jobs.get(path).map(|job| job.class);
    if class.is_none() || (class != Some(PIPELINE) && what != "stop") {
        return missing();
    }
    world.acts.push(format!("{what} {path} {number}"));
    let build = world.build(path, number);
    // It is late, and nobody is told.
    if build.building {
        match what {
            "stop" if !build.stubborn => build.ends("ABORTED"),
            "stop" => build.log.extend_from_slice(b"Aborted by Kim\nSending interrupt signal to process\nClick here to forcibly terminate running steps\n"),
            "term" if !build.stubborn => build.ends("ABORTED"),
            "term" => build.log.extend_from_slice(b"Terminating sh\n\x1b[8mha:AAAA==\x1b[0mClick here to forcibly kill entire build\n"),
            _ => build.ends("ABORTED"),
        }
    }
    redirect(302, &format!("{}{number}/", url(path)))
}

fn answer(world: &mut World, (path, number): (&str, u64), id: &str, what: &str, form: &Fields) -> Answer {
    let denied = world.denied.contains(&"input");
    let build = world.build(path, number);
    let Some(at) = build.asks.iter().position(|asked| asked.id == id) else { return page(400, "This input has been already given") };
    if denied {
        return page(400, "You need to be release-managers to submit this");
    }
    build.asks.remove(at);
    match what {
        "abort" => build.ends("ABORTED"),
        _ => build.stages.iter_mut().filter(|stage| stage.status == "PAUSED_PENDING_INPUT").for_each(|stage| stage.status = "IN_PROGRESS"),
    }
    let said = form.iter().find(|(key, _)| key == "json").map(|(_, json)| json.as_str()).unwrap_or_default();
    world.acts.push(format!("{what} {number}/{id} {said}").trim().to_owned());
    answered(200, &[], Bytes::new())
}
