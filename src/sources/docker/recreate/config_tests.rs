use super::*;

fn image() -> Value {
    json!({ "Env": ["PATH=/bin", "VERSION=2"], "Cmd": ["serve"], "Entrypoint": ["/app"], "Labels": { "org.opencontainers.image.version": "2", "team": "shop" },
        "Volumes": { "/data": {} }, "ExposedPorts": { "80/tcp": {} }, "WorkingDir": "/srv", "User": "app", "StopSignal": "SIGQUIT",
        "Healthcheck": { "Test": ["CMD", "/ok"], "Interval": 5 }, "OnBuild": null })
}

fn older() -> Value {
    json!({ "Env": ["PATH=/usr/bin", "VERSION=1", "ONLY=old"], "Cmd": ["run"], "Entrypoint": ["/old"], "Labels": { "org.opencontainers.image.version": "1" } })
}

/// As a container of that image answers: what is merged in Go has null where nothing is.
fn container(set: &Value) -> Value {
    merged(set.as_object().expect("an object"), &image())
}

/// Lists of variables in any order, and nothing for what is empty.
fn plain(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(variables) = value["Env"].as_array_mut() {
        variables.sort_by_key(ToString::to_string);
    }
    value.as_object_mut().expect("an object").retain(|_, value| !empty(value));
    value
}

#[test]
fn what_was_set_is_told_from_what_came_with_the_image() {
    for (what, set) in [
        ("nothing", json!({})),
        ("variables", json!({ "Env": ["LOG=debug", "VERSION=mine"] })),
        ("a command", json!({ "Cmd": ["migrate", "--all"] })),
        ("an entry point, which switches the command off", json!({ "Entrypoint": ["/bin/sh"], "Cmd": [] })),
        ("both", json!({ "Entrypoint": ["/bin/sh"], "Cmd": ["-c", "x"] })),
        ("no entry point", json!({ "Entrypoint": [], "Cmd": ["/bin/sh"] })),
        ("the image's own entry point, which switches the command off", json!({ "Entrypoint": ["/app"], "Cmd": [] })),
        ("labels", json!({ "Labels": { "team": "other", "com.docker.compose.service": "web" } })),
        ("ports and volumes", json!({ "ExposedPorts": { "443/tcp": {} }, "Volumes": { "/cache": {} } })),
        ("one field of the health check", json!({ "Healthcheck": { "Interval": 30 } })),
        ("no health check", json!({ "Healthcheck": { "Test": ["NONE"] } })),
        ("the rest", json!({ "WorkingDir": "/x", "User": "root", "StopSignal": "SIGTERM", "StopTimeout": 3, "Tty": true })),
    ] {
        let found = Value::Object(set_by_hand(&container(&set), &image()));
        assert_eq!(found, set, "{what}");
        let again = merged(found.as_object().expect("an object"), &image());
        assert_eq!(plain(&again), plain(&container(&set)), "{what}");
    }
}

#[test]
fn the_defaults_of_the_image_that_is_left_do_not_go_along() {
    let set = set_by_hand(&container(&json!({ "Env": ["LOG=debug"], "Labels": { "com.docker.compose.service": "web" } })), &image());
    let back = merged(&set, &older());
    assert_eq!(plain(&json!({ "Env": back["Env"] }))["Env"], json!(["LOG=debug", "ONLY=old", "PATH=/usr/bin", "VERSION=1"]));
    assert_eq!((&back["Cmd"], &back["Entrypoint"]), (&json!(["run"]), &json!(["/old"])));
    assert_eq!(back["Labels"], json!({ "com.docker.compose.service": "web", "org.opencontainers.image.version": "1" }));
    let gone = ["Volumes", "ExposedPorts", "WorkingDir", "User", "StopSignal", "Healthcheck"];
    assert!(gone.iter().all(|key| empty(&back[*key])), "{back:#}");
}

#[test]
fn a_null_of_the_engine_is_nothing() {
    let answered = json!({ "Env": null, "Cmd": null, "Entrypoint": null, "Labels": {}, "Volumes": null, "Domainname": "", "Image": "a:1", "OnBuild": null });
    assert_eq!(set_by_hand(&answered, &json!({ "Env": ["PATH=/bin"], "Entrypoint": [] })), Object::new());
}
