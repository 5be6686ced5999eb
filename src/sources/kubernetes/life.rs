//! How long a watch lives, and how soon one is found dead that nobody closed.

use http::{Request, Uri};
use kube::client::Body;

/// How long a watch may be silent, in seconds, until its connection counts as dead and it is asked for again. A server tells about once a minute how
/// far it is (bookmarks, Kubernetes' API concepts), which also keeps what sits in between (a NAT, a balancer) from forgetting the connection. `kube`,
/// which leaves TCP keep-alive off, waits for five seconds more.
pub const SILENCE: u32 = 125;
/// How long a watch lives, in seconds: a request in about four minutes.
const LIFE: u32 = 230;

/// Lets a watch live for longer than its silence is borne: `kube` takes one number for both.
pub fn longer(mut request: Request<Body>) -> Request<Body> {
    let asked = request.uri().path_and_query().map(|asked| asked.as_str()).unwrap_or_default();
    let longer = asked.contains("watch=true").then(|| asked.replace(&format!("timeoutSeconds={SILENCE}"), &format!("timeoutSeconds={LIFE}")));
    if let Some(longer) = longer.and_then(|longer| longer.parse().ok()) {
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = Some(longer);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_lives_for_longer_than_its_silence_is_borne() {
        let asked = |path: &str| longer(Request::get(path).body(Body::empty()).unwrap()).uri().to_string();
        let watch = "/api/v1/pods?&watch=true&timeoutSeconds=125&allowWatchBookmarks=true&resourceVersion=7";
        assert_eq!(asked(watch), watch.replace("125", "230"));
        let list = "https://cluster.example/api/v1/pods?limit=500";
        assert_eq!(asked(list), list);
    }
}
