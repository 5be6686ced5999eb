use super::*;

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const DATA: &str = "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd";

fn whole() -> Value {
    json!({
        "Id": ID, "Name": "/shop-web-1", "Image": "sha256:bad",
        "Config": { "Hostname": "0123456789ab", "Image": "shop/web:2", "Env": ["VERSION=2", "LOG=debug"], "Labels": {
            "com.docker.compose.project": "shop", "com.docker.compose.image": "sha256:bad", "version": "2" }, "Cmd": ["serve"], "MacAddress": "02:42:ac:11:00:02" },
        "HostConfig": { "NetworkMode": "shop_front", "Binds": ["conf:/conf:ro"], "RestartPolicy": { "Name": "always" }, "ContainerIDFile": "/x", "SomethingNew": 7,
            "Mounts": [{ "Type": "volume", "Target": "/nameless" }] },
        "Mounts": [
            { "Type": "volume", "Name": "conf", "Destination": "/conf", "RW": false }, { "Type": "volume", "Name": DATA, "Destination": "/data", "RW": true },
            { "Type": "volume", "Name": "eeee", "Destination": "/nameless", "RW": true }, { "Type": "bind", "Source": "/srv", "Destination": "/srv" }],
        "NetworkSettings": { "Networks": {
            "shop_front": { "NetworkID": "f1", "IPAddress": "10.0.0.7", "EndpointID": "e", "IPAMConfig": { "IPv4Address": "10.0.0.7" }, "Aliases": ["web", "0123456789ab"], "Links": null },
            "shop_back": { "NetworkID": "b1", "IPAddress": "10.1.0.3", "IPAMConfig": null, "Aliases": null, "Links": null } } },
    })
}

fn made() -> Body {
    let image = json!({ "Env": ["VERSION=2"], "Labels": { "version": "2" }, "Cmd": ["serve"] });
    body(&whole(), &image, &Wanted { id: "sha256:good".into(), reference: "shop/web:1".into(), called: None }, &OpId::new("7f3a", 2), "lab")
}

#[test]
fn what_was_set_goes_along_and_what_the_engine_made_does_not() {
    let Body { create, joins } = made();
    assert_eq!(
        (&create["Image"], &create["Env"], create.get("Cmd"), create.get("Hostname"), create.get("MacAddress")),
        (&json!("shop/web:1"), &json!(["LOG=debug"]), None, None, None)
    );
    let labels = json!({ "com.docker.compose.project": "shop", "com.docker.compose.image": "sha256:good", OPERATION: "7f3a-2", LEFT: "sha256:bad" });
    assert_eq!(create["Labels"], labels);
    let host = &create["HostConfig"];
    assert_eq!((host.get("ContainerIDFile"), &host["SomethingNew"], &host["RestartPolicy"]["Name"]), (None, &json!(7), &json!("always")));
    assert_eq!(create["NetworkingConfig"], json!({ "EndpointsConfig": { "shop_front": { "IPAMConfig": { "IPv4Address": "10.0.0.7" }, "Aliases": ["web"] } } }));
    assert_eq!(joins, [("b1".to_owned(), json!({}))]);
}

#[test]
fn the_data_in_volumes_without_a_name_is_kept() {
    let mounts = &made().create["HostConfig"]["Mounts"];
    let data = json!({ "Type": "volume", "Source": DATA, "Target": "/data", "ReadOnly": false });
    assert_eq!(*mounts, json!([{ "Type": "volume", "Target": "/nameless", "Source": "eeee" }, data]), "{mounts:#}");
}

#[test]
fn a_name_that_somebody_gave_stays() {
    let mut named = whole();
    named["Config"]["Hostname"] = json!("web.shop");
    let create = |whole: &Value, host: &str| {
        body(whole, &json!({}), &Wanted { id: "i".into(), reference: "i".into(), called: Some("shop/web:latest".into()) }, &OpId::new("a", 1), host).create
    };
    assert_eq!(create(&named, "lab")["Hostname"], "web.shop");
    assert_eq!(create(&named, "lab")["Labels"][REFERENCE], "shop/web:latest");
    named["HostConfig"]["NetworkMode"] = json!("host");
    assert_eq!(create(&named, "web.shop").get("Hostname"), None, "in the host's network it is the host's");
}

#[test]
fn what_can_not_be_made_once_more_is_named() {
    assert_eq!(obstacles(&whole()), Vec::<Clean>::new());
    for (path, value, words) in [
        ("/HostConfig/AutoRemove", json!(true), "--rm"),
        ("/HostConfig/NetworkMode", json!("container:0123456789abcdef"), "shares the network"),
        ("/HostConfig/NetworkMode", json!("gone"), "taken out of its network gone"),
        ("/HostConfig/PidMode", json!("container:0123456789abcdef"), "shares the processes"),
        ("/HostConfig/Links", json!(["/db:/web/db"]), "--link"),
        ("/NetworkSettings/Networks/shop_back/Links", json!(["db:db"]), "--link"),
    ] {
        let mut other = whole();
        other["HostConfig"]["AutoRemove"] = json!(false);
        other["HostConfig"]["PidMode"] = json!("");
        other["HostConfig"]["Links"] = Value::Null;
        *other.pointer_mut(path).expect("it is there") = value;
        let found = obstacles(&other);
        assert!(found.len() == 1 && found[0].contains(words), "{path}: {found:?}");
    }
}
