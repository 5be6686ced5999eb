use super::*;

struct World(tempfile::TempDir);

impl World {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    fn shell(&self, vars: &[(&str, &str)]) -> Shell {
        let vars = vars.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Shell { vars, home: self.0.path().join("home"), root: self.0.path().to_owned() }
    }
    fn file(&self, path: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }
}

fn hash(name: &str) -> String {
    ring::digest::digest(&ring::digest::SHA256, name.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn with_nothing_there_is_no_engine() {
    let world = World::new();
    assert_eq!(found(&world.shell(&[])), Ok(None));
}

#[test]
fn the_usual_socket_comes_before_those_of_podman() {
    let world = World::new();
    let podman = world.file("run/podman/podman.sock", "");
    assert_eq!(found(&world.shell(&[])).unwrap().unwrap().address, Address::Socket(podman));
    let docker = world.file("var/run/docker.sock", "");
    assert_eq!(found(&world.shell(&[])).unwrap().unwrap().address, Address::Socket(docker));
}

#[test]
fn the_variable_beats_the_context_and_the_context_beats_the_socket() {
    let world = World::new();
    world.file("var/run/docker.sock", "");
    let meta = r#"{"Name":"far","Endpoints":{"docker":{"Host":"tcp://far:2376","SkipTLSVerify":false}}}"#;
    world.file(&format!("home/.docker/contexts/meta/{}/meta.json", hash("far")), meta);
    let ca = world.file(&format!("home/.docker/contexts/tls/{}/docker/ca.pem", hash("far")), "");
    world.file("home/.docker/config.json", r#"{"auths":{},"currentContext":"far"}"#);
    let by_file = found(&world.shell(&[])).unwrap().unwrap();
    assert_eq!(by_file, Found { address: Address::Tls("far:2376".into(), Tls { ca: Some(ca), own: None }), name: Some("far".into()) });
    assert_eq!(found(&world.shell(&[("DOCKER_CONTEXT", "far")])).unwrap().unwrap(), by_file);
    let both = world.shell(&[("DOCKER_CONTEXT", "far"), ("DOCKER_HOST", "unix:///x.sock")]);
    assert_eq!(found(&both).unwrap().unwrap().address, Address::Socket("/x.sock".into()));
    let default = found(&world.shell(&[("DOCKER_CONTEXT", "default")])).unwrap().unwrap();
    assert!(matches!(default.address, Address::Socket(_)));
}

#[test]
fn a_context_that_is_not_there_or_verifies_nothing_is_refused_with_words() {
    let world = World::new();
    let missing = found(&world.shell(&[("DOCKER_CONTEXT", "gone")])).unwrap_err();
    assert!(missing.what.contains("no Docker context gone"), "{missing:?}");
    world.file(
        &format!("home/.docker/contexts/meta/{}/meta.json", hash("bad")),
        r#"{"Name":"bad","Endpoints":{"docker":{"Host":"tcp://bad:2376","SkipTLSVerify":true}}}"#,
    );
    assert!(found(&world.shell(&[("DOCKER_CONTEXT", "bad")])).unwrap_err().what.contains("does not verify"));
}

#[test]
fn addresses_are_read_as_the_command_line_writes_them() {
    let of = |host: &str, tls: bool| address("host", host, tls.then(|| Tls { ca: None, own: None }));
    assert_eq!(of("tcp://a", false), Ok(Address::Plain("a:2375".into())));
    assert_eq!(of("tcp://[::1]:9", true), Ok(Address::Tls("[::1]:9".into(), Tls { ca: None, own: None })));
    assert_eq!(of("tcp://[::1]", false), Ok(Address::Plain("[::1]:2375".into())));
    let ssh = |user: Option<&str>, port, socket: Option<&str>| {
        Address::Ssh(Ssh { user: user.map(Into::into), host: "h".into(), port, socket: socket.map(Into::into) })
    };
    assert_eq!(of("ssh://h", false), Ok(ssh(None, None, None)));
    assert_eq!(of("ssh://ann@h:22/run/d.sock", false), Ok(ssh(Some("ann"), Some(22), Some("/run/d.sock"))));
    for bad in ["docker", "unix://x", "npipe:////./pipe/x", "tcp://", "ssh://-oProxyCommand=x", "ssh://a:b@h", "ssh://h:x"] {
        assert!(of(bad, false).is_err(), "{bad}");
    }
}

#[test]
fn a_certificate_needs_its_key_and_a_host_excludes_a_context() {
    let shell = World::new().shell(&[]);
    let settings = |cert: Option<&str>, context: Option<&str>| Settings {
        host: Some("tcp://a:1".into()),
        context: context.map(Into::into),
        cert: cert.map(Into::into),
        ..Settings::default()
    };
    assert_eq!(configured(&settings(Some("c"), None), &shell).unwrap_err().key, "cert");
    assert_eq!(configured(&settings(None, Some("x")), &shell).unwrap_err().key, "context");
    assert_eq!(configured(&settings(None, None), &shell).unwrap(), Found { address: Address::Plain("a:1".into()), name: Some("a".into()) });
}
