//! A Docker engine to test against: the lab's, or one of our own that may be stopped.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

/// The image that containers are made from.
pub const IMAGE: &str = "pilothouse/box:1";

/// An engine; its own process ends with it.
pub struct Engine {
    socket: PathBuf,
    own: Option<Own>,
}

struct Own {
    folder: tempfile::TempDir,
    daemon: Option<Child>,
}

/// Whether these tests are left out, which is said.
pub fn left_out(test: &str) -> bool {
    let skip = std::env::var_os("PILOTHOUSE_LAB_SKIP").is_some_and(|value| value == "1");
    if skip {
        println!("left out: docker::{test} (PILOTHOUSE_LAB_SKIP=1)");
    }
    skip
}

impl Engine {
    /// The lab's engine where there is a lab, else one of our own.
    pub fn any() -> Self {
        let lab = std::env::var("PILOTHOUSE_LAB").ok().and_then(|_| std::env::var("DOCKER_HOST").ok());
        match lab.as_deref().and_then(|host| host.strip_prefix("unix://")) {
            Some(socket) => Self { socket: socket.into(), own: None }.with_image(),
            None => Self::own(),
        }
    }

    /// An engine of our own, which nobody else notices when it stops.
    pub fn own() -> Self {
        Self::own_with(|_| serde_json::json!({}))
    }

    /// The same, reached by TLS on loopback: its host, and the folder of the certificates.
    pub fn with_tls() -> (Self, String, PathBuf) {
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let engine = Self::own_with(|folder| {
            certificates(folder);
            let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
            serde_json::json!({ "hosts": [format!("unix://{}", path("docker.sock")), format!("tcp://127.0.0.1:{port}")], "tlsverify": true,
                "tlscacert": path("ca.pem"), "tlscert": path("server.pem"), "tlskey": path("server-key.pem") })
        });
        let folder = engine.own.as_ref().expect("an engine of our own").folder.path().to_owned();
        (engine, format!("tcp://127.0.0.1:{port}"), folder)
    }

    fn own_with(more: impl Fn(&Path) -> serde_json::Value) -> Self {
        let folder = tempfile::Builder::new().prefix("plh").tempdir().expect("a folder");
        let socket = folder.path().join("docker.sock");
        let mut all = settings(folder.path());
        for (key, value) in more(folder.path()).as_object().expect("settings") {
            all[key] = value.clone();
        }
        fs::write(folder.path().join("docker.json"), all.to_string()).expect("its settings");
        let mut engine = Self { socket, own: Some(Own { folder, daemon: None }) };
        engine.start();
        engine.with_image()
    }

    /// Its address.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Starts it and waits until it answers.
    pub fn start(&mut self) {
        let own = self.own.as_mut().expect("an engine of our own");
        let log = fs::OpenOptions::new().create(true).append(true).open(own.folder.path().join("log")).expect("its log");
        let daemon = Command::new("dockerd")
            .arg("--config-file")
            .arg(own.folder.path().join("docker.json"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        own.daemon = Some(daemon.expect("dockerd can not be started: install docker.io and be root, use the lab, or set PILOTHOUSE_LAB_SKIP=1"));
        let began = Instant::now();
        while !self.command(&["version"]).output().is_ok_and(|out| out.status.success()) {
            let own = self.own.as_mut().expect("an engine of our own");
            let ended = own.daemon.as_mut().and_then(|daemon| daemon.try_wait().ok().flatten());
            let log = || fs::read_to_string(own.folder.path().join("log")).unwrap_or_default();
            assert!(ended.is_none() && began.elapsed() < Duration::from_secs(120), "dockerd does not answer: {}", log());
        }
    }

    /// Stops it, as an upgrade does.
    pub fn stop(&mut self) {
        let Some(mut daemon) = self.own.as_mut().and_then(|own| own.daemon.take()) else { return };
        let pid = rustix::process::Pid::from_child(&daemon);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
        daemon.wait().expect("it ends");
    }

    /// What `docker ARGUMENTS` prints, which must succeed.
    pub fn docker(&self, arguments: &[&str]) -> String {
        let out = self.output(arguments);
        assert!(out.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    }

    /// What `docker ARGUMENTS` prints, whatever comes of it.
    pub fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the docker program")
    }

    /// Runs `script` in a container.
    pub fn run(&self, name: &str, options: &[&str], script: &str) -> Container<'_> {
        let arguments = [&["run", "-d", "--name", name, "--network", "none"], options, &[IMAGE, "/bin/sh", "-c", script]].concat();
        let id = self.docker(&arguments);
        Container { engine: self, id }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command.env("DOCKER_HOST", self.host()).env_remove("DOCKER_CONTEXT").args(arguments).stdin(Stdio::null());
        command
    }

    /// Nothing can be pulled: the image is busybox and nothing else.
    fn with_image(self) -> Self {
        if self.output(&["image", "inspect", IMAGE]).status.success() {
            return self;
        }
        let busybox = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|path| Path::new(path).exists()).expect("install busybox-static");
        let root = tempfile::tempdir().expect("a folder");
        let bin = root.path().join("bin");
        fs::create_dir_all(&bin).expect("a folder");
        fs::copy(busybox, bin.join("busybox")).expect("a copy");
        for applet in ["sh", "sleep", "usleep", "echo", "head", "tr", "cat", "seq"] {
            std::os::unix::fs::symlink("busybox", bin.join(applet)).expect("a link");
        }
        let tar = Command::new("tar").arg("-c").arg("-C").arg(root.path()).arg(".").output().expect("tar").stdout;
        let mut import = self.command(&["import", "-", IMAGE]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the docker program");
        import.stdin.take().expect("its input").write_all(&tar).expect("the image");
        assert!(import.wait().expect("it ends").success());
        self
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

/// An authority, and certificates for the engine and for us.
fn certificates(folder: &Path) {
    let openssl = |arguments: &str| {
        let out = Command::new("openssl").current_dir(folder).args(arguments.split(' ')).output().expect("install openssl");
        assert!(out.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&out.stderr));
    };
    fs::write(folder.join("server.ext"), "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n").expect("a file");
    fs::write(folder.join("client.ext"), "extendedKeyUsage=clientAuth\n").expect("a file");
    openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=authority -days 2 -keyout ca-key.pem -out ca.pem");
    for who in ["server", "client"] {
        openssl(&format!("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={who} -keyout {who}-key.pem -out {who}.csr"));
        openssl(&format!("x509 -req -in {who}.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile {who}.ext -out {who}.pem"));
    }
}

/// The lab's engine has settings that this machine needs; a second one keeps them and shares nothing with it.
fn settings(folder: &Path) -> serde_json::Value {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let lab = std::env::var("PILOTHOUSE_LAB").ok().and_then(|lab| fs::read_to_string(Path::new(&lab).join("docker.json")).ok());
    let mut settings: serde_json::Value = lab.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_else(|| serde_json::json!({}));
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let name = format!("/pilothouse-contract-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    for (key, value) in [
        ("data-root", serde_json::json!(path("data"))),
        ("exec-root", serde_json::json!(path("run"))),
        ("pidfile", serde_json::json!(path("pid"))),
        ("hosts", serde_json::json!([format!("unix://{}", path("docker.sock"))])),
        ("group", serde_json::json!("0")),
        ("bridge", serde_json::json!("none")),
        ("iptables", serde_json::json!(false)),
        ("ip-masq", serde_json::json!(false)),
        ("ip-forward", serde_json::json!(false)),
        ("cgroup-parent", serde_json::json!(name)),
        ("exec-opts", serde_json::json!(["native.cgroupdriver=cgroupfs"])),
        ("shutdown-timeout", serde_json::json!(2)),
    ] {
        settings[key] = value;
    }
    settings
}

/// A container; it goes with its value.
pub struct Container<'a> {
    engine: &'a Engine,
    pub id: String,
}

impl Container<'_> {
    /// All that it has said, with times, by the engine's own program.
    pub fn said(&self) -> Vec<String> {
        self.engine.docker(&["logs", "--timestamps", &self.id]).lines().map(|line| line.trim_end_matches('\r').to_owned()).collect()
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        self.engine.output(&["rm", "-f", "-v", &self.id]);
    }
}
