//! The client against a server that answers well and badly.

use super::{
    stage::{Act, Stage, message},
    *,
};
use crate::{config::Credential, domain::Trouble};
use flate2::{Compression, write::GzEncoder};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{Read, Write};

const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];

fn http(url: &str) -> Http {
    Http::new(Settings { url: url.to_owned(), ..Settings::default() }).unwrap()
}

fn with_token(url: &str, script: &str) -> Http {
    let credential = Credential::Command(["sh", "-c", script].map(String::from).to_vec());
    Http::new(Settings { url: url.to_owned(), auth: Some(Auth::Bearer(credential)), ..Settings::default() }).unwrap()
}

async fn got(http: &Http) -> Result<serde_json::Value, SourceError> {
    json(http, Ask::get("api/x")).await
}

fn kind(result: Result<serde_json::Value, SourceError>) -> (Trouble, String) {
    let why = result.expect_err("it must fail").why();
    (why.trouble, why.words.to_string())
}

async fn failed(act: Act) -> (Trouble, String) {
    let stage = Stage::of([act]).await;
    kind(got(&http(&stage.url())).await)
}

#[tokio::test]
async fn a_good_answer_is_read_and_the_request_is_as_it_was_meant() {
    let stage = Stage::of([Act::json("{\"a\":1}")]).await;
    let headers = vec![("X-Scope-OrgID".into(), "team a".into())];
    let http = Http::new(Settings { url: format!("{}/prefix/", stage.url()), headers, ..Settings::default() }).unwrap();
    let ask = Ask::get("api/v1/rules").segment("a/b ..").segment("..").with("q", "x+y z").with("q", "&");
    assert_eq!(json::<serde_json::Value>(&http, ask).await.unwrap()["a"], 1);
    let asked = stage.asked().remove(0).to_ascii_lowercase();
    assert!(asked.starts_with("get /prefix/api/v1/rules/a%2fb%20../?q=x%2by+z&q=%26 http/1.1\r\n"), "{asked}");
    for line in ["accept: application/json", "user-agent: pilothouse/", "x-scope-orgid: team a", "accept-encoding: gzip"] {
        assert!(asked.contains(line), "{line}: {asked}");
    }
    assert!(!asked.contains("authorization"));
}

#[tokio::test]
async fn what_goes_wrong_is_named_with_its_host() {
    use Trouble::*;
    let zipped = {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&b"{\"a\":\"text that fills it\"}".repeat(20)).unwrap();
        encoder.finish().unwrap()
    };
    let half = &zipped[..zipped.len() / 2];
    let gzip = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")];
    let cases = [
        (Act::answer("200 OK", &[("Content-Type", "text/html")], "<html>"), Protocol, "web page"),
        (Act::answer("503 Service Unavailable", &[], "Limit of concurrent GET requests reached"), Unreachable, "concurrent GET"),
        (Act::answer("401 Unauthorized", &[], ""), Denied, "check the credential"),
        (Act::Say(message("200 OK", &gzip, half, half.len())), Protocol, "damaged"),
        (Act::Say(message("200 OK", JSON, b"{\"a\":", 1000)), Protocol, "ended in the middle"),
        (Act::Say(message("200 OK", JSON, b"", 65 << 20)), Protocol, "more than 64 MiB"),
        (Act::Say(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), Unreachable, "can not be reached"),
        (Act::Say(Vec::new()), Unreachable, ""),
        (Act::Reset(message("200 OK", JSON, b"{\"a\":", 1000)), Unreachable, "broke off"),
    ];
    for (act, trouble, words) in cases {
        let told = format!("{act:?}");
        let (found, said) = failed(act).await;
        assert!(found == trouble && said.contains(words) && said.contains("127.0.0.1:"), "{}: {found:?} {said}", &told[..told.len().min(200)]);
    }
}

#[tokio::test]
async fn nobody_there_and_no_such_name_are_told_apart() {
    let address = Stage::of([Act::json("1")]).await.address;
    let (trouble, words) = kind(got(&http(&format!("http://{address}"))).await);
    assert!(trouble == Trouble::Unreachable && words.contains("refuses the connection"), "{words}");
    assert!(!http(&format!("http://{address}")).probe().await);
    let (trouble, words) = kind(got(&http("http://no-such-host.invalid:9")).await);
    assert!(trouble == Trouble::Unreachable && words.contains("no-such-host.invalid is not found (DNS"), "{words}");
}

#[tokio::test]
async fn a_stall_ends_at_the_deadline_in_the_head_and_in_the_body() {
    for sent in [Vec::new(), message("200 OK", JSON, b"{\"a\":", 1000)] {
        let stage = Stage::of([Act::Stall(sent)]).await;
        let ask = Ask::get("x").within(Duration::from_millis(200));
        let (trouble, words) = kind(json(&http(&stage.url()), ask).await);
        assert!(trouble == Trouble::Unreachable && words.contains("did not answer within"), "{words}");
        assert!(http(&stage.url()).probe().await, "it still listens");
    }
}

#[tokio::test]
async fn a_body_beyond_its_cap_is_not_read_even_when_it_is_packed() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![b' '; 4 << 20]).unwrap();
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 64 << 10);
    let headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")];
    let stage = Stage::of([Act::Say(message("200 OK", &headers, &bomb, bomb.len()))]).await;
    let (trouble, words) = kind(json(&http(&stage.url()), Ask::get("x").up_to(1 << 20)).await);
    assert!(trouble == Trouble::Protocol && words.contains("more than 1 MiB"), "{words}");
}

#[tokio::test]
async fn a_wait_is_taken_from_the_answer() {
    for (said, expected) in [("30", 30), ("1000000000", 900), ("soon", 10), ("Sat, 01 Aug 2020 02:00:00 GMT", 0)] {
        let stage = Stage::of([Act::answer("429 Too Many Requests", &[("Retry-After", said)], "slow down")]).await;
        let before = Timestamp::now();
        let Err(SourceError::RateLimited { until, words }) = got(&http(&stage.url())).await else { panic!("{said}") };
        let waited = until.duration_since(before).as_secs();
        assert!((waited - expected).abs() <= 2 && words.contains("slow down"), "{said}: {waited} {words}");
    }
}

#[tokio::test]
async fn no_credential_reaches_another_host() {
    let elsewhere = Stage::of([Act::answer("200 OK", &[("Content-Type", "text/html")], "<html>log in</html>")]).await;
    let home = Stage::of([Act::answer("302 Found", &[("Location", &format!("{}/login", elsewhere.url()))], "")]).await;
    let credential = Credential::Command(["echo", "s3cret"].map(String::from).to_vec());
    let headers = vec![("X-Scope-OrgID".into(), "tenant".into())];
    let http = Http::new(Settings { url: home.url(), auth: Some(Auth::Bearer(credential)), headers, ..Settings::default() }).unwrap();
    let ask = Ask::get("x").header(HeaderName::from_static("x-own"), HeaderValue::from_static("own"));
    let (trouble, words) = kind(json(&http, ask).await);
    assert!(trouble == Trouble::Denied && words.contains("login"), "{words}");
    assert!(home.asked()[0].to_ascii_lowercase().contains("authorization: bearer s3cret"));
    let arrived = elsewhere.asked().concat().to_ascii_lowercase();
    assert!(arrived.starts_with("get /login"), "{arrived}");
    for secret in ["authorization", "s3cret", "x-scope-orgid", "x-own", "referer"] {
        assert!(!arrived.contains(secret), "{secret}: {arrived}");
    }
    assert!(!words.contains("s3cret"));
}

#[tokio::test]
async fn what_another_host_refuses_is_not_what_we_may_not_do() {
    for (status, expected) in [("404 Not Found", Trouble::Protocol), ("403 Forbidden", Trouble::Protocol), ("503 Service Unavailable", Trouble::Unreachable)] {
        let elsewhere = Stage::of([Act::answer(status, &[("Content-Type", "text/html")], "<html>no such page</html>")]).await;
        let home = Stage::of([Act::answer("302 Found", &[("Location", &format!("{}/old", elsewhere.url()))], "")]).await;
        let http = http(&home.url());
        let sent = http.send(Ask::get("x")).await.map(|reply| reply.status);
        let opened = http.open(Ask::get("x")).await.map(|_| StatusCode::OK);
        for refused in [sent, opened] {
            let why = refused.expect_err("it must fail").why();
            assert!(why.trouble == expected && why.words.contains(&elsewhere.address.to_string()) && why.words.contains(&status[..3]), "{}", why.words);
            assert!(why.words.contains("GET /x") && !why.words.contains("may not"), "{}", why.words);
        }
    }
}

#[tokio::test]
async fn a_loop_of_redirects_ends_and_a_change_is_not_sent_on() {
    let stage = Stage::of([Act::answer("302 Found", &[("Location", "/again")], "")]).await;
    let (trouble, words) = kind(got(&http(&stage.url())).await);
    assert!(trouble == Trouble::Protocol && words.contains("more than 3 times"), "{words}");
    assert_eq!(stage.asked().len(), 4);
    let sent = json::<u8>(&http(&stage.url()), Ask::change(Method::POST, "x", Some("{}".into()))).await;
    assert!(sent.unwrap_err().to_string().contains("sent once"));
    assert_eq!(stage.asked().len(), 5);
}

#[tokio::test]
async fn a_change_is_sent_once_whatever_comes_back() {
    let answered = ["401 Unauthorized", "409 Conflict", "429 Too Many Requests", "500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable"];
    let answered = answered.map(|status| Act::answer(status, &[("Retry-After", "0")], ""));
    let cut = [Act::Reset(Vec::new()), Act::Say(Vec::new()), Act::Reset(message("201 Created", JSON, b"{", 9))];
    for act in answered.into_iter().chain(cut) {
        let stage = Stage::of([act.clone()]).await;
        // Each time it is asked for, the token is another one.
        let http = with_token(&stage.url(), "date +%s%N");
        _ = http.send(Ask::change(Method::POST, "x", Some("{}".into()))).await;
        assert_eq!(stage.asked().len(), 1, "{act:?}");
    }
}

#[tokio::test]
async fn a_token_that_was_rotated_is_fetched_once_more() {
    let dir = tempfile::tempdir().unwrap();
    let counter = dir.path().join("n");
    let script = format!("echo x >> {0}; echo token-$(wc -l < {0} | tr -d ' ')", counter.display());
    let stage = Stage::with(|request| {
        if request.contains("Bearer token-2") || request.contains("bearer token-2") { Act::json("1") } else { Act::answer("401 Unauthorized", &[], "") }
    })
    .await;
    let http = with_token(&stage.url(), &script);
    assert_eq!(got(&http).await.unwrap(), 1);
    assert_eq!(got(&http).await.unwrap(), 1);
    assert_eq!(stage.asked().len(), 3, "refused, again with the new one, and the new one is kept");
}

#[tokio::test]
async fn the_same_token_is_not_tried_twice_and_one_that_can_not_be_fetched_is_told() {
    let stage = Stage::of([Act::answer("401 Unauthorized", &[], "{\"message\":\"Bad credentials\"}")]).await;
    let (trouble, words) = kind(got(&with_token(&stage.url(), "echo s3cret")).await);
    assert!(trouble == Trouble::Denied && words.contains("Bad credentials") && !words.contains("s3cret"), "{words}");
    assert_eq!(stage.asked().len(), 1);
    let (trouble, words) = kind(got(&with_token(&stage.url(), "echo locked >&2; exit 1")).await);
    assert!(trouble == Trouble::Denied && words.contains("locked"), "{words}");
    assert_eq!(stage.asked().len(), 1, "nothing is sent without it");
}

#[tokio::test]
async fn basic_credentials_are_encoded() {
    let stage = Stage::of([Act::json("1")]).await;
    let password = Credential::Command(["echo", "pass"].map(String::from).to_vec());
    let http = Http::new(Settings { url: stage.url(), auth: Auth::of(Some("user"), Some(&password)), ..Settings::default() }).unwrap();
    got(&http).await.unwrap();
    assert!(stage.asked()[0].contains("Basic dXNlcjpwYXNz"));
}

#[test]
fn settings_that_would_leak_or_can_not_work_are_refused() {
    let refused = |settings: Settings| Http::new(settings).err().expect("refused").to_string();
    let url = |url: &str| Settings { url: url.into(), ..Settings::default() };
    let token = || Some(Auth::Bearer(Credential::Env("TOKEN".into())));
    assert!(refused(Settings { auth: token(), ..url("http://prometheus.example") }).contains("in the clear"));
    for fine in ["http://127.0.0.1:9090", "http://[::1]:9090", "http://localhost:9090", "https://prometheus.example"] {
        assert!(Http::new(Settings { auth: token(), ..url(fine) }).is_ok(), "{fine}");
    }
    let error = refused(url("https://user:s3cret@h"));
    assert!(error.contains("holds no secrets") && !error.contains("s3cret"), "{error}");
    for bad in ["", "prometheus:9090", "ftp://h", "https://h?x=1", "/path"] {
        assert!(Http::new(url(bad)).is_err(), "{bad}");
    }
    let headers = |name: &str, value: &str| Settings { headers: vec![(name.into(), value.into())], ..url("https://h") };
    assert!(refused(headers("Authorization", "x")).contains("token_env"));
    assert!(refused(headers("a b", "x")).contains("not a header"));
    assert!(refused(headers("a", "x\r\ny: z")).contains("not a header"));
}

#[tokio::test]
async fn what_has_not_changed_comes_from_memory_and_is_counted() {
    let stage = Stage::with(|request| match request.to_ascii_lowercase().contains("if-none-match: \"v1\"") {
        true => Act::Say(b"HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\nX-RateLimit-Remaining: 9\r\nConnection: close\r\n\r\n".to_vec()),
        false => Act::answer("200 OK", &[("Content-Type", "application/json"), ("ETag", "\"v1\""), ("Link", "<http://h/2>; rel=\"next\"")], "[1,2]"),
    })
    .await;
    let http = http(&stage.url());
    let first = http.send(Ask::get("x").conditional()).await.unwrap();
    let second = http.send(Ask::get("x").conditional()).await.unwrap();
    assert!(!first.unchanged && second.unchanged);
    assert_eq!(second.json::<Vec<u8>>().unwrap(), [1, 2]);
    assert_eq!(second.next(), first.next());
    assert_eq!(http.requests(), (2, 1));
    assert_eq!(http.budget().unwrap().left, 9);
    assert!(!http.send(Ask::get("x")).await.unwrap().unchanged, "one that does not ask for it");
}

#[tokio::test]
async fn pages_lie_at_the_server_s_own_origin_or_are_not_read() {
    let stage = Stage::of([Act::json("[]")]).await;
    let http = http(&stage.url());
    let near = Url::parse(&format!("{}/x?page=2", stage.url())).unwrap();
    assert!(http.send(Ask::page(near)).await.is_ok());
    let far = Url::parse("http://127.0.0.1:1/x?page=2").unwrap();
    assert!(http.send(Ask::page(far)).await.unwrap_err().to_string().contains("another server"));
}

#[tokio::test]
async fn the_difference_of_the_clocks_is_read_from_the_date() {
    let ahead = Timestamp::now() + SignedDuration::from_mins(5);
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&ahead).unwrap();
    let stage = Stage::of([Act::answer("200 OK", &[("Content-Type", "application/json"), ("Date", &date)], "1")]).await;
    let http = http(&stage.url());
    assert_eq!(http.clock_offset(), None);
    got(&http).await.unwrap();
    assert!((295..=300).contains(&http.clock_offset().unwrap().as_secs()));
}

/// A TLS server on a thread that serves `config` until the test ends; its port.
fn tls_server(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>, clients: Option<Arc<dyn rustls::server::danger::ClientCertVerifier>>) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        Some(clients) => builder.with_client_cert_verifier(clients),
        None => builder.with_no_client_auth(),
    };
    let config = Arc::new(builder.with_single_cert(chain, key).unwrap());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut tcp in listener.incoming().flatten() {
            let mut tls = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::Stream::new(&mut tls, &mut tcp);
            // A client that refuses us breaks off: that is the point of most tests here.
            if stream.read(&mut [0; 4096]).is_ok() {
                _ = stream.write_all(&message("200 OK", JSON, b"1", 1));
                stream.conn.send_close_notify();
                _ = stream.flush();
            }
        }
    });
    port
}

struct Authority(rcgen::Certificate, rcgen::Issuer<'static, rcgen::KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = rcgen::CertificateParams::new([]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        Self(params.self_signed(&key).unwrap(), rcgen::Issuer::new(params, key))
    }

    fn signs(&self, name: &str, year: i32) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let mut params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, "a server");
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        (vec![params.signed_by(&key, &self.1).unwrap().der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }
}

fn trusting(port: u16, authority: &Authority, client_certificate: Option<ClientCertificate>) -> (Http, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, authority.0.pem()).unwrap();
    let http = Http::new(Settings { url: format!("https://localhost:{port}"), ca_file: Some(file), client_certificate, ..Settings::default() });
    (http.unwrap(), dir)
}

#[tokio::test]
async fn a_certificate_is_verified_and_what_is_wrong_with_it_is_told() {
    let (authority, other) = (Authority::new(), Authority::new());
    let (chain, key) = authority.signs("localhost", 2099);
    let port = tls_server(chain, key, None);
    let (good, _dir) = trusting(port, &authority, None);
    assert_eq!(got(&good).await.unwrap(), 1);

    let told = async |chain, key, why: &str| {
        let (http, _dir) = trusting(tls_server(chain, key, None), &authority, None);
        let (trouble, words) = kind(got(&http).await);
        assert!(trouble == Trouble::Protocol && words.contains(why) && words.contains("localhost"), "{why}: {words}");
    };
    let (chain, key) = other.signs("localhost", 2099);
    told(chain, key, "authority that is not trusted").await;
    let (chain, key) = authority.signs("localhost", 2020);
    told(chain, key, "expired on 2020-01-01").await;
    let (chain, key) = authority.signs("cart.example", 2099);
    told(chain, key, "it is for cart.example").await;
    let alone = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    told(vec![alone.cert.der().clone()], PrivateKeyDer::try_from(alone.signing_key.serialize_der()).unwrap(), "self-signed").await;
}

#[tokio::test]
async fn a_server_without_tls_is_told_from_one_that_wants_our_certificate() {
    let stage = Stage::of([Act::json("1")]).await;
    let (trouble, words) = kind(got(&http(&format!("https://{}", stage.address))).await);
    assert!(trouble == Trouble::Protocol && words.contains("http://"), "{words}");

    let authority = Authority::new();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.0.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let clients = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    let (chain, key) = authority.signs("localhost", 2099);
    let port = tls_server(chain, key, Some(clients));
    let (nobody, _dir) = trusting(port, &authority, None);
    let (_, words) = kind(got(&nobody).await);
    assert!(words.contains("client certificate"), "{words}");
}
