use super::*;
use crate::domain::{Automatic, Tier};
use serde::Deserialize;
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    time::Duration,
};

fn read(text: &str) -> Result<Config, Vec<ConfigError>> {
    Layers::new().file(Path::new("c.toml"), text).read()
}

fn errors(text: &str) -> Vec<String> {
    read(text).unwrap_err().iter().map(|e| format!("{}: {}", e.place(), e.what())).collect()
}

fn shown(text: &str) -> String {
    read(text).unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The configuration that the design shows.
const SHOP: &str = r#"
[[source]]
kind = "kubernetes"
contexts = ["prod-eu", "staging"]
[[source]]
kind = "github"
repositories = ["acme/cart", "acme/checkout"]
token_command = ["gh", "auth", "token"]
[[source]]
kind = "prometheus"
url = "http://127.0.0.1:9090"

[[environment]]
name = "production"
tier = "production"
match = [{ source = "kubernetes/prod-eu", namespace = "shop-*" }, { labels = { env = "prod" } }]
locked = false
rollback = { automatic = "prepare", settle = "90s" }
[[environment]]
name = "staging"
tier = "staging"
match = [{ source = "kubernetes/staging" }]

[[service]]
name = "cart"
match = { label = "app.kubernetes.io/name=cart", repository = "acme/cart" }
depends_on = ["checkout"]
smoke = [{ url = "https://cart.example/healthz", status = 200, within = "2s" }]
error_rate = 'sum(rate(http_requests_total{app="cart"}[5m]))'

[thresholds]
error_rate = 0.02
latency = "1m30s"

[journal]
url = "postgresql://ops@db/pilothouse"
"#;

#[test]
fn the_file_of_the_design_is_read_as_it_is_meant() {
    let config = read(SHOP).unwrap();
    assert_eq!(config.sources.iter().map(SourceConfig::kind).collect::<Vec<_>>(), ["kubernetes", "github", "prometheus"]);
    assert_eq!(config.sources[1].credential(), Some(&Credential::Command(["gh", "auth", "token"].map(String::from).to_vec())));
    let production = &config.environments[0];
    assert_eq!((production.tier, production.automatic, production.settle), (Some(Tier::Production), Automatic::Prepare, Duration::from_secs(90)));
    assert_eq!(production.matches[0].namespace.as_deref(), Some("shop-*"));
    assert_eq!(production.matches[1].labels, [("env".to_owned(), "prod".to_owned())]);
    assert_eq!(config.services[0].labels, [("app.kubernetes.io/name".to_owned(), "cart".to_owned())]);
    assert_eq!(config.services[0].smoke[0].within, Period::seconds(2));
    assert_eq!((config.thresholds.error_rate, config.thresholds.latency, config.thresholds.cpu), (Ratio(0.02), Period::seconds(90), Ratio(0.80)));
    assert_eq!(config.journal.database().map(|database| database.to_string()).as_deref(), Some("postgresql://ops@db/pilothouse"));
}

#[test]
fn the_embedded_defaults_are_the_built_in_ones_and_complete() {
    let (config, built_in) = (Layers::new().read().unwrap(), Config::default());
    assert_eq!((&config.thresholds, &config.gates, &config.images), (&built_in.thresholds, &built_in.gates, &built_in.images));
    assert_eq!((&config.journal, &config.ui), (&built_in.journal, &built_in.ui));
    assert!(config.sources.is_empty() && config.environments.is_empty() && config.services.is_empty());
    let said: Value = toml::from_str(DEFAULT).unwrap();
    let schema = schema();
    for table in ["thresholds", "gates", "images", "journal", "ui"] {
        let over = schema["$defs"].as_object().unwrap().iter().find(|(name, _)| name.to_lowercase().starts_with(table)).unwrap().1;
        let known: Vec<&String> = over["properties"].as_object().unwrap().keys().collect();
        // What is nowhere by itself, as a password, stands in a comment.
        let missing: Vec<_> = known.iter().filter(|key| said[table].get(key.as_str()).is_none() && !DEFAULT.contains(key.as_str())).collect();
        assert!(missing.is_empty(), "[{table}] of default.toml lacks {missing:?}");
    }
}

#[test]
fn the_examples_in_the_defaults_are_right_too() {
    let uncommented: String = DEFAULT
        .lines()
        .map(|line| line.strip_prefix("# ").unwrap_or(line))
        .filter(|line| line.starts_with('[') || line.split_once(" = ").is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_')))
        .map(|line| format!("{line}\n"))
        .collect();
    let config = read(&uncommented).unwrap_or_else(|errors| panic!("{errors:?}\n{uncommented}"));
    assert_eq!((config.sources.len(), config.environments.len(), config.services.len()), (11, 2, 1));
}

#[test]
fn a_file_lies_over_the_defaults_a_variable_over_the_file_a_flag_over_all() {
    let layers = Layers::new()
        .file(Path::new("c.toml"), "[ui]\ntheme = \"light\"\ntimes = \"utc\"\nmouse = true\n")
        .variables(
            [("PILOTHOUSE_UI_THEME", "mono"), ("PILOTHOUSE_UI_TIMES", "local"), ("PILOTHOUSE_THRESHOLDS_CPU", "0.5"), ("HOME", "/")]
                .map(|(n, v)| (n.into(), v.into())),
        )
        .flag("--theme", "ui", "theme", "16-colours");
    let config = layers.read().unwrap();
    assert_eq!((config.ui.theme.as_str(), config.ui.times, config.ui.mouse, config.thresholds.cpu), ("16-colours", Times::Local, true, Ratio(0.5)));
    assert_eq!(config.ui.notify, Notify::Bell);
}

#[test]
fn variables_that_kubernetes_makes_are_not_taken_for_settings() {
    let made = ["PILOTHOUSE_SERVICE_HOST", "PILOTHOUSE_PORT", "PILOTHOUSE_PORT_80_TCP"].map(|name| (name.to_owned(), "tcp://10.0.0.1:80".to_owned()));
    assert!(Layers::new().variables(made).read().is_ok());
}

#[test]
fn a_variable_that_is_wrong_is_named() {
    let said = |name: &str, value: &str| {
        let errors = Layers::new().variables([(name.to_owned(), value.to_owned())]).read().unwrap_err();
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(said("PILOTHOUSE_UI_MOUSE", "yes"), "PILOTHOUSE_UI_MOUSE: this is a text, and true or false is expected");
    assert!(said("PILOTHOUSE_UI_THEEM", "dark").contains("did you mean `theme`?"));
    assert!(said("PILOTHOUSE_UI_TIMES", "a\nb = 1").starts_with("PILOTHOUSE_UI_TIMES: "));
}

#[test]
fn all_errors_come_at_once_with_line_and_column() {
    let text = "[ui]\ntheem = \"dark\"\nmouse = \"yes\"\ntimes = \"utcc\"\n[thresholds]\ncpu = 80\nlatency = \"soon\"\n\
                [[environment]]\ntier = \"prod\"\nmatch = [{}, { contxt = \"x\" }]\n[[environment]]\nname = \"a\"\nlocked = 1\n[tresholds]\n\
                [[service]]\nname = \"s\"\nmatch = { label = \"cart\" }\nsmoke = [{ url = \"https://x\", status = 99999 }]\n";
    let expected = [
        "c.toml:2:1: `theem` is not known here; did you mean `theme`?; known are theme, glyphs, mouse, times, notify, notify_command, min_requests",
        "c.toml:3:9: this is a text, and true or false is expected",
        "c.toml:4:9: `utcc` is not possible here; did you mean `utc`?; known are age, local, utc",
        "c.toml:6:7: 80 is more than the whole; write a part of 1, as 0.8 for 80 %",
        "c.toml:7:11: `soon` is not a duration; write it as \"500ms\", \"60s\", \"10m\" or \"1h30m\"",
        "c.toml:8:1: `name` is missing; add it",
        "c.toml:9:8: `prod` is not possible here; known are development, testing, staging, production",
        "c.toml:10:16: `contxt` is not known here; did you mean `context`?; known are source, context, namespace, project, labels",
        "c.toml:13:10: this is a whole number, and true or false is expected",
        "c.toml:14:2: there is no `tresholds`; did you mean `thresholds`?; known are source, environment, service, thresholds, gates, images, journal, ui",
        "c.toml:18:40: this value does not fit; a whole number from 0 to 65535 is expected",
    ];
    assert_eq!(errors(text), expected);
}

#[test]
fn what_types_can_not_say_is_told_too() {
    assert_eq!(
        errors("[[environment]]\nname = \"a\"\nmatch = [{}]\n[[environment]]\nname = \"a\"\n[[environment]]\nname = \"\"\n"),
        [
            "c.toml:3:10: this would match everything; name a source, context, namespace, project or labels",
            "c.toml:5:8: there are two of this name; name each environment once, and list its places in `match`",
            "c.toml:7:8: this needs a name",
        ]
    );
    assert_eq!(errors("[[service]]\nname = \"s\"\nmatch = { label = \"cart\" }\n"), ["c.toml:3:19: a label is written \"key=value\""]);
    assert_eq!(errors("[source]\nkind = \"docker\"\n"), ["c.toml:1:1: there can be several of these; write [[source]] with two brackets"]);
    assert_eq!(errors("[environment]\nname = \"x\"\n"), ["c.toml:1:1: there can be several of these; write [[environment]] with two brackets"]);
    assert_eq!(errors("[journal]\nurl = \"mysql://x\"\n"), ["c.toml:2:7: the journal is \"file\" or \"postgresql://user@host/database\""]);
    assert_eq!(
        errors("[journal]\nurl = \"postgresql://ops@db/p?sslmode=on\"\npassword_env = \"A\"\npassword_file = \"/b\"\n"),
        ["c.toml:2:7: sslmode is disable, prefer, require or verify-full"]
    );
    assert_eq!(
        errors("[journal]\npassword_env = \"A\"\npassword_file = \"/b\"\n"),
        ["c.toml:3:17: there are two ways to the secret here; keep one of env, command and file"]
    );
}

#[test]
fn an_error_shows_its_line_with_a_caret_under_it() {
    assert_eq!(
        shown("[ui]\n  theem = \"dark\"\n"),
        "c.toml:2:3: `theem` is not known here; did you mean `theme`?; known are theme, glyphs, mouse, times, notify, notify_command, min_requests\n 2 |   theem = \"dark\"\n   |   ^^^^^"
    );
}

#[test]
fn a_byte_order_mark_windows_line_ends_and_wide_characters_do_not_move_the_place() {
    let text = "\u{feff}[ui]\r\nmouse = 1\r\n";
    assert_eq!(errors(text), ["c.toml:2:9: this is a whole number, and true or false is expected"]);
    assert!(shown(text).ends_with(" 2 | mouse = 1\n   |         ^"), "{}", shown(text));
    assert_eq!(errors("\u{feff}ui = 1\r\n"), ["c.toml:1:6: this is a whole number, and a table is expected"]);
    let wide = shown("[[environment]]\nname = \"名前\"\nrollback = { settle = \"é\", x = 1 }\n");
    assert!(wide.contains("c.toml:3:23: ") && wide.contains("c.toml:3:28: `x`"), "{wide}");
    let wide = shown("[[environment]]\nmatch = [{ labels = { a = \"名前\" }, x = 1 }]\nname = \"x\"\n");
    assert!(wide.ends_with(&format!("   | {}^", " ".repeat(36))), "{wide}");
}

#[test]
fn a_syntax_error_and_a_double_key_have_their_place() {
    assert_eq!(errors("[ui]\nmouse = tru\n"), ["c.toml:2:9: this is not TOML: invalid boolean, expected `true`"]);
    assert_eq!(errors("[ui]\nmouse = true\nmouse = false\n"), ["c.toml:3:1: this key is here twice; keep one"]);
    assert_eq!(errors("[ui\n")[0].split(": ").next(), Some("c.toml:1:4"));
    let one_long_line = format!("x = \"{}\n", "a".repeat(900_000));
    assert!(shown(&one_long_line).len() < 1000);
}

#[test]
fn literal_secrets_are_refused_and_shown_nowhere() {
    let text = "[[source]]\nkind = \"github\"\ntoken = \"ghp_s3cret\"\n[[source]]\nkind = \"gitlab\"\npassword = \"s3cret\"\nurl = \"https://user:s3cret@host/\"\n\
                [[source]]\nkind = \"x\"\nheaders = { Authorization = \"Bearer s3cret\" }\ntoken_env = \"glpat-s3cret\"\n[journal]\nurl = \"postgresql://ops:s3cret@db/p\"\n";
    let expected = [
        (3, "token_env = \"VARIABLE\""),
        (6, "password_env = \"VARIABLE\""),
        (7, "`url` has a password in its URL"),
        (10, "a secret is never written here"),
        (11, "`token_env` holds what looks like a secret itself"),
        (13, "`url` has a password in its URL"),
    ];
    let errors = errors(text);
    for ((line, words), error) in expected.iter().zip(&errors) {
        assert!(error.starts_with(&format!("c.toml:{line}:")) && error.contains(words), "{error}");
    }
    assert_eq!(errors.len(), expected.len());
    assert!(!shown(text).contains("s3cret"), "{}", shown(text));
}

#[test]
fn no_other_error_shows_a_secret_either() {
    for text in [
        "[[source]]\nkind = 1\ntoken = \"s3cret\"\n",
        "[ui]\ntoken = s3cret\n",
        "[[source]]\nkind = \"x\" token = \"s3cret\"\n",
        "x = { a = 1, password = \"s3cret\", b = }\n",
        "[[source]]\ntoken = \"\"\"\ns3cret\n",
        "[[source]]\ntoken = [\n\"s3cret\",\n",
        "[[source]]\nkind = \"x\"\ntoken_env = \"glpat-s3cret\ntoken_file\n",
        "[[source]]\nurl = \"https://u:s3cret@h\nx",
        "[ui]\nmouse = \"ghp_s3cret\"\n",
        "[ui]\ntimes = \"ghp_s3cret\"\n",
        "[thresholds]\nlatency = \"ghp_s3cret\"\n",
        "\"ghp_s3cret\" = 1\n",
    ] {
        let shown = shown(text);
        assert!(!shown.contains("s3cret"), "{text}\n{shown}");
    }
    let error = Layers::new().flag("--journal", "journal", "url", "postgresql://ops:s3cret@db/p").read().unwrap_err();
    assert!(!error[0].to_string().contains("s3cret"), "{}", error[0]);
    assert!(!format!("{:?}", SourceConfig::from_toml("kind = \"x\"\nheader = \"s3cret\"")).contains("s3cret"));
}

#[test]
fn escape_sequences_in_a_file_never_reach_the_terminal() {
    let shown = shown("[ui]\ntheme = 1 # \u{1b}[31m\u{202e}\n\"\\u001b[2J\" = 1\n");
    assert!(!shown.contains(['\u{1b}']), "{shown:?}");
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a stand-in for a back end's own settings")]
struct Own {
    url: String,
    #[serde(default)]
    repositories: Vec<String>,
}

#[test]
fn a_back_end_reads_its_own_settings_with_places() {
    let config = read("[[source]]\nkind = \"docker\"\n[[source]]\nname = \"main\"\nkind = \"github\"\nurl = 1\nrepositries = []\ntoken_env = \"T\"\n").unwrap();
    let errors: Vec<String> = config.sources[1].read::<Own>().unwrap_err().iter().map(|e| format!("{}: {}", e.place(), e.what())).collect();
    assert_eq!(
        errors,
        [
            "c.toml:6:7: this is a whole number, and a text is expected",
            "c.toml:7:1: `repositries` is not known here; did you mean `repositories`?; known are url, repositories"
        ]
    );
    assert_eq!(config.sources[0].read::<Own>().unwrap_err()[0].place().as_str(), "c.toml:1:1");
    assert_eq!(config.sources[1].error("url", "x").place().as_str(), "c.toml:6:7");
    assert_eq!(config.sources[1].error("none", "x").place().as_str(), "c.toml:3:1");
    let good = SourceConfig::from_toml("kind = \"github\"\nurl = \"https://x\"\n").unwrap();
    assert_eq!(good.read::<Own>().unwrap().url, "https://x");
}

#[test]
fn a_source_has_one_way_to_its_secret_and_a_name_of_its_own() {
    assert_eq!(
        errors(
            "[[source]]\nkind = \"x\"\ntoken_env = \"A\"\ntoken_file = \"/a\"\n[[source]]\nkind = \"x\"\ntoken_command = []\n[[source]]\nkind = \"x\"\ntoken_env = \"a b\"\n"
        ),
        [
            "c.toml:4:14: there are two ways to the secret here; keep one of env, command and file",
            "c.toml:7:17: this names no program; write it as [\"program\", \"argument\"]",
            "c.toml:10:13: this is not the name of a variable; write only the name, as \"GITHUB_TOKEN\"",
        ]
    );
    assert_eq!(
        errors("[[source]]\nkind = \"x\"\nname = \"a\"\n[[source]]\nkind = \"x\"\nname = \"a\"\n"),
        ["c.toml:6:8: another x source has this name; give each its own"]
    );
    assert!(read("[[source]]\nkind = \"x\"\nname = \"a\"\n[[source]]\nkind = \"y\"\nname = \"a\"\n").is_ok());
}

#[test]
fn a_kind_that_is_not_in_the_registry_is_told_with_its_place() {
    let config = read("[[source]]\nkind = \"kubernets\"\n[[source]]\nkind = \"docker\"\n").unwrap();
    let errors = config.unknown_kinds(&["kubernetes", "docker"]);
    assert_eq!(errors.len(), 1);
    assert!(errors[0].to_string().starts_with("c.toml:2:8: there is no kind of source `kubernets`; did you mean `kubernetes`?"));
}

#[test]
fn durations_are_read_and_shown_as_people_write_them() {
    for (text, ms) in [("500ms", 500), ("60s", 60_000), ("10m", 600_000), ("1h30m", 5_400_000), ("2d", 172_800_000), ("0s", 0)] {
        assert_eq!(text.parse(), Ok(Period(Duration::from_millis(ms))), "{text}");
    }
    for text in ["", "s", "10", "10 m", "1.5h", "-1s", "5parsecs", "99999999999999999d", "10é"] {
        assert!(text.parse::<Period>().is_err(), "{text}");
    }
    assert_eq!(Period::seconds(5_400).to_string(), "1h30m");
    assert_eq!(Period::seconds(0).to_string(), "0s");
}

#[test]
fn ratios_are_parts_of_one() {
    assert!(read("[thresholds]\ncpu = 1\nmemory = 0\n").is_ok());
    assert!(errors("[thresholds]\ncpu = -0.1\n")[0].contains("from 0 to 1"));
    assert!(errors("[thresholds]\ncpu = nan\n")[0].contains("from 0 to 1"));
}

/// As much of JSON Schema as ours uses.
fn fits(schema: &Value, root: &Value, value: &Value, path: &str) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        return fits(&root["$defs"][name.rsplit('/').next().unwrap()], root, value, path);
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(ways) = schema[key].as_array()
            && !ways.iter().any(|way| fits(way, root, value, path).is_ok())
        {
            return Err(format!("{path}: none of {key}"));
        }
    }
    let kinds: Vec<&str> = schema["type"].as_str().into_iter().chain(schema["type"].as_array().into_iter().flatten().filter_map(Value::as_str)).collect();
    let kind = match value {
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::Null => "null",
    };
    if !(kinds.is_empty() || kinds.contains(&kind) || kind == "integer" && kinds.contains(&"number")) {
        return Err(format!("{path}: {kind} is none of {kinds:?}"));
    }
    let choice = |key: &str| schema[key].as_array().is_none_or(|choices| choices.contains(value));
    if !choice("enum") || schema.get("const").is_some_and(|only| only != value) {
        return Err(format!("{path}: {value} is not a choice"));
    }
    for item in value.as_array().into_iter().flatten() {
        fits(&schema["items"], root, item, path)?;
    }
    for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        value.get(required).ok_or(format!("{path}: {required} is missing"))?;
    }
    for (key, inner) in value.as_object().into_iter().flatten() {
        match schema["properties"].get(key) {
            Some(property) => fits(property, root, inner, &format!("{path}.{key}"))?,
            None if schema["additionalProperties"] == Value::Bool(false) => return Err(format!("{path}.{key} is not known")),
            None => {}
        }
    }
    Ok(())
}

#[test]
fn the_schema_fits_the_defaults_and_the_file_of_the_design_and_refuses_what_we_refuse() {
    let schema = schema();
    let check = |text: &str| fits(&schema, &schema, &toml::from_str(text).unwrap(), "");
    assert_eq!(check(DEFAULT), Ok(()));
    assert_eq!(check(SHOP), Ok(()));
    for wrong in [
        "[ui]\ntheem = 1\n",
        "[ui]\nmouse = 1\n",
        "[ui]\ntimes = \"x\"\n",
        "[[environment]]\n",
        "[[environment]]\nname = \"a\"\ntier = \"b\"\n",
        "x = 1\n",
        "[thresholds]\nlatency = 1\n",
    ] {
        assert!(check(wrong).is_err() && read(wrong).is_err(), "{wrong}");
    }
}

/// A home of its own, and the paths in it.
fn home() -> (tempfile::TempDir, Paths) {
    let dir = tempfile::tempdir().unwrap();
    fs::DirBuilder::new().mode(0o700).create(dir.path().join("c")).unwrap();
    let (config, state) = (dir.path().join("c/config.toml"), dir.path().join("s"));
    let variable = |name: &str| match name {
        "PILOTHOUSE_CONFIG" => Some(config.clone().into_os_string()),
        _ => Some(state.clone().into_os_string()),
    };
    let paths = Paths::find(None, &variable).unwrap();
    (dir, paths)
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn what_init_writes_changes_nothing_and_is_never_written_over() {
    let (_dir, paths) = home();
    let [config, keys] = init(&paths).map(Result::unwrap);
    let loaded = load(&paths, Layers::new(), Depth::TrueColour).unwrap();
    assert_eq!((loaded.config.ui, loaded.config.thresholds, loaded.theme), (Ui::default(), Thresholds::default(), Theme::default()));
    assert!(fs::read_to_string(&config).unwrap().contains("\n# theme = \"auto\""));
    assert!(fs::read_to_string(&keys).unwrap().contains("\n# rollback = \"R\""));
    write(&config, "[ui]\nmouse = true\n");
    fs::remove_file(&keys).unwrap();
    let [again, missing] = init(&paths);
    assert!(again.unwrap_err().to_string().contains("left as it is") && missing.unwrap() == keys);
    assert_eq!(fs::read_to_string(&config).unwrap(), "[ui]\nmouse = true\n");
}

#[test]
fn errors_of_configuration_keymap_and_theme_come_together() {
    let (_dir, paths) = home();
    write(paths.config(), "[ui]\ntheme = \"mine\"\n");
    write(&paths.keys(), "[global]\nquitt = \"f1\"\n");
    write(&paths.themes().join("mine.toml"), "inherits = \"dark\"\n[roles]\nokk = \"red\"\n");
    let errors = load(&paths, Layers::new(), Depth::TrueColour).unwrap_err();
    let places: Vec<String> = errors.iter().map(|e| e.place().rsplit('/').next().unwrap().to_owned()).collect();
    assert_eq!(places, ["mine.toml:3:1", "keys.toml:2:1"]);
    write(paths.config(), "[ui]\ntheem = \"mine\"\n");
    assert_eq!(load(&paths, Layers::new(), Depth::TrueColour).unwrap_err().len(), 2);
}

#[test]
fn what_is_right_can_be_had_without_what_is_wrong() {
    let (_dir, paths) = home();
    write(paths.config(), "[ui]\nmouse = true\n[[environment]]\nname = 1\n[[environment]]\nname = \"good\"\n[thresholds]\ncpu = 7\n");
    write(&paths.keys(), "[nothing]\n");
    let (loaded, errors) = load_partly(&paths, Layers::new(), Depth::TrueColour);
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert!(loaded.config.ui.mouse && loaded.config.environments.len() == 1 && loaded.config.thresholds.cpu == Ratio(0.80));
}

#[test]
fn a_line_inside_a_list_is_shown_when_the_text_is_toml() {
    assert!(shown("[gates]\nsecurity = [\n  \"trivy\",\n  5,\n]\n").ends_with(" 4 |   5,\n   |   ^"));
}

#[test]
fn a_named_file_that_is_not_there_is_an_error_and_an_unnamed_one_is_not() {
    let (_dir, paths) = home();
    assert!(load(&paths, Layers::new(), Depth::None).unwrap_err()[0].what().contains("is not there"));
}

#[test]
fn a_configuration_that_others_can_write_is_refused() {
    let (_dir, paths) = home();
    write(paths.config(), "");
    fs::set_permissions(paths.config(), fs::Permissions::from_mode(0o620)).unwrap();
    assert!(load(&paths, Layers::new(), Depth::None).unwrap_err()[0].what().contains("chmod go-w"));
}

#[test]
fn a_theme_is_found_by_name_in_its_directory_only() {
    let (_dir, paths) = home();
    write(&paths.themes().join("mine.toml"), "inherits = \"light\"\n");
    write(paths.config(), "");
    assert_eq!(theme("mine", &paths.themes(), Depth::TrueColour), theme("light", &paths.themes(), Depth::TrueColour));
    assert_eq!(theme("auto", &paths.themes(), Depth::None), theme("mono", &paths.themes(), Depth::TrueColour));
    for name in ["../themes/mine", "none", "", "."] {
        let error = theme(name, &paths.themes(), Depth::TrueColour).unwrap_err();
        assert!(error[0].what().contains("there is no theme"), "{name}: {}", error[0]);
    }
}

mod whatever_is_written {
    use super::*;
    use proptest::prelude::*;

    #[rustfmt::skip]
    const PIECES: &[&str] = &[
        "[", "]", "[[source]]\n", "kind", " = ", "\"", "'''", "{", "}", ",", "\n", "\r\n", "token", "名", "\u{feff}", "\u{1b}", "1e9", "match", "ui", "\u{0}",
    ];

    /// Pieces of configuration in any order, more often near the real thing than arbitrary bytes are.
    fn text() -> impl Strategy<Value = String> {
        prop::collection::vec(prop_oneof![prop::sample::select(PIECES).prop_map(String::from), ".{0,3}"], 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn it_is_read_or_told_without_a_panic(text in text()) {
            for error in read(&text).err().into_iter().flatten() {
                prop_assert!(!error.to_string().contains('\x1b'), "an escape");
            }
            _ = Keymap::with(&text);
            _ = Theme::read("x", &|_| Some(text.clone()));
            _ = theme::from_k9s(&text);
        }

        #[test]
        fn any_place_can_be_told(text in text(), start in 0_usize..200, length in 0_usize..200) {
            let shown = Text::file(Path::new("c.toml"), &text).error(&(start..start + length), "x").to_string();
            prop_assert!(shown.starts_with("c.toml:"));
        }

        #[test]
        fn a_duration_is_read_as_it_is_shown(ms in 0_u64..u64::MAX / 2) {
            let period = Period(Duration::from_millis(ms));
            prop_assert_eq!(period.to_string().parse(), Ok(period));
        }
    }
}
