//! One record of a release, as Helm 3 and 4 keep it: base64, gzip, JSON, in a Secret (whose data are base64 once more) or a ConfigMap.
//!
//! A record holds the values of a chart and may hold secrets: nothing of it is told but what stands here, and no parser's own words,
//! which may quote what they could not read.

use super::manifest::{self, Object};
use crate::{
    clean,
    sources::{
        kubernetes::wire::{Meta, or_default, time},
        spec,
    },
    text::{Clean, Raw, redact},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::read::GzDecoder;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, io::Read};

/// No record may be longer as it is kept; an object of a cluster ends at about 1.5 MB.
const PACKED: usize = 4 << 20;
/// Nor when it is unpacked.
const UNPACKED: u64 = 64 << 20;
/// How a gzip begins; very old records are not packed.
const GZIP: &[u8] = &[0x1f, 0x8b, 0x08];

/// Where the records of a release are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// In Secrets, as is usual.
    Secret,
    /// In ConfigMaps.
    ConfigMap,
}

impl Driver {
    /// As paths and rights have it.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Secret => "secrets",
            Self::ConfigMap => "configmaps",
        }
    }

    /// As `HELM_DRIVER` has it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::ConfigMap => "configmap",
        }
    }
}

/// The Secret or ConfigMap as it travels.
#[derive(Deserialize)]
pub struct Kept {
    #[serde(default, deserialize_with = "or_default")]
    metadata: Meta,
    #[serde(default, deserialize_with = "or_default")]
    data: BTreeMap<String, String>,
}

/// A program that runs with a change of the release.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Hook {
    /// The object's name.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// The object's kind.
    #[serde(deserialize_with = "or_default")]
    pub kind: String,
    /// The file in the chart.
    #[serde(deserialize_with = "or_default")]
    pub path: String,
    /// When it runs: `pre-upgrade`, `post-rollback`.
    #[serde(deserialize_with = "or_default")]
    pub events: Vec<String>,
}

/// One revision of a release.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its number.
    pub number: u64,
    /// The uid of the object that keeps it.
    pub uid: Raw,
    /// How it stands, in Helm's word.
    pub status: String,
    /// What Helm says of it.
    pub description: Clean,
    /// The revision that it went back to, where it was a rollback.
    pub back_to: Option<u64>,
    /// When it was begun.
    pub at: Option<Timestamp>,
    /// `shop-1.2.3`.
    pub chart: Clean,
    /// A hash of its manifest.
    pub digest: Raw,
    /// What it consists of.
    pub objects: Vec<Object>,
    /// How many objects of it can not be read.
    pub torn: usize,
    /// What runs with it.
    pub hooks: Vec<Hook>,
}

impl Record {
    /// Whether Helm says that it was carried out whole.
    pub fn good(&self) -> bool {
        matches!(self.status.as_str(), "deployed" | "superseded")
    }

    /// Whether it brings an object of this plural and name itself.
    pub fn brings(&self, plural: &str, name: &str, namespace: &str) -> bool {
        let is = |kind: &str| format!("{}s", kind.to_ascii_lowercase()) == plural;
        self.objects.iter().any(|object| is(&object.key.kind) && object.key.name == name && object.key.namespace == namespace)
    }

    /// Whether Helm is at work on it, or went away in the middle.
    pub fn pending(&self) -> bool {
        self.status.starts_with("pending-") || self.status == "uninstalling"
    }
}

/// A record that can not be read.
#[derive(Clone, Debug)]
pub struct Torn {
    /// Its number, as far as its name tells.
    pub number: u64,
    /// Why.
    pub why: Clean,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Wire {
    version: u64,
    #[serde(deserialize_with = "or_default")]
    namespace: String,
    #[serde(deserialize_with = "or_default")]
    manifest: String,
    #[serde(deserialize_with = "or_default")]
    info: Info,
    #[serde(deserialize_with = "or_default")]
    chart: Chart,
    #[serde(deserialize_with = "or_default")]
    hooks: Vec<Hook>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Info {
    #[serde(deserialize_with = "time")]
    last_deployed: Option<Timestamp>,
    #[serde(deserialize_with = "or_default")]
    description: String,
    #[serde(deserialize_with = "or_default")]
    status: String,
    rollback_revision: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Chart {
    #[serde(deserialize_with = "or_default")]
    metadata: ChartMeta,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ChartMeta {
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    version: String,
}

/// Reads a record.
pub fn read(kept: &Kept, driver: Driver) -> Result<Record, Torn> {
    let name = kept.metadata.0.name.as_deref().unwrap_or_default();
    let number = name.rsplit_once(".v").and_then(|(_, number)| number.parse().ok()).unwrap_or_default();
    let torn = |why: Clean| Torn { number, why };
    let text = kept.data.get("release").ok_or_else(|| torn(clean!("{name} has no release in it")))?;
    let json = unpack(text, driver).map_err(|why| torn(clean!("{name} {why}")))?;
    let wire: Wire = serde_json::from_slice(&json).map_err(|error| torn(clean!("{name} holds no release that can be read (byte {})", error.column())))?;
    Ok(record(wire, Raw::new(kept.metadata.0.uid.as_deref().unwrap_or_default())))
}

fn record(wire: Wire, uid: Raw) -> Record {
    let Wire { version, namespace, manifest, info, chart, hooks } = wire;
    let (objects, torn) = manifest::objects(&manifest, &namespace);
    Record {
        number: version,
        uid,
        back_to: info.rollback_revision.filter(|number| *number > 0).or_else(|| info.description.strip_prefix("Rollback to ")?.trim().parse().ok()),
        status: info.status,
        description: Clean::from_untrusted(&redact(&info.description)),
        at: info.last_deployed,
        chart: clean!("{}-{}", chart.metadata.name, chart.metadata.version),
        digest: spec::hash(&Value::String(manifest)),
        objects,
        torn,
        hooks,
    }
}

/// The JSON in a payload.
fn unpack(text: &str, driver: Driver) -> Result<Vec<u8>, Clean> {
    let mut packed = bounded(text.as_bytes())?.to_vec();
    for _ in 0..if driver == Driver::Secret { 2 } else { 1 } {
        packed.retain(|byte| !byte.is_ascii_whitespace());
        packed = STANDARD.decode(&packed).map_err(|_| Clean::from_static("is not the base64 that it should be"))?;
    }
    if !packed.starts_with(GZIP) {
        return Ok(packed);
    }
    let mut json = Vec::new();
    GzDecoder::new(&packed[..]).take(UNPACKED + 1).read_to_end(&mut json).map_err(|_| Clean::from_static("can not be unpacked: it is damaged"))?;
    if json.len() as u64 > UNPACKED {
        return Err(clean!("unpacks to more than {} MiB: it is not read", UNPACKED >> 20));
    }
    Ok(json)
}

fn bounded(packed: &[u8]) -> Result<&[u8], Clean> {
    if packed.len() > PACKED { Err(clean!("is longer than {} MiB: it is not read", PACKED >> 20)) } else { Ok(packed) }
}

/// Records made from facts, as Helm makes them.
#[cfg(test)]
pub mod made {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use serde_json::json;
    use std::io::Write;

    /// A payload with `json` in it.
    pub fn payload(json: &[u8], driver: Driver) -> String {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(json).expect("memory");
        let once = STANDARD.encode(gzip.finish().expect("memory"));
        if driver == Driver::Secret { STANDARD.encode(once) } else { once }
    }

    /// The object that keeps `payload`.
    pub fn kept(number: u64, payload: &str) -> Kept {
        let name = format!("sh.helm.release.v1.shop.v{number}");
        serde_json::from_value(json!({ "metadata": { "name": name, "uid": format!("uid-{number}") }, "data": { "release": payload } })).expect("an object")
    }

    /// Revision `number` of the release `shop`, an hour after the one before it.
    pub fn release(number: u64, status: &str, description: &str, manifest: &str, hooks: Value) -> Record {
        let json = json!({ "name": "shop", "namespace": "shop", "version": number, "manifest": manifest, "hooks": hooks,
            "info": { "last_deployed": format!("2026-01-01T{number:02}:00:00Z"), "status": status, "description": description },
            "chart": { "metadata": { "name": "shop", "version": "1.2.3" } }, "config": { "password": "hunter2" } });
        read(&kept(number, &payload(json.to_string().as_bytes(), Driver::Secret)), Driver::Secret).expect("a record")
    }
}

#[cfg(test)]
mod tests {
    use super::{made::*, *};
    use serde_json::json;

    #[test]
    fn both_ways_of_keeping_a_record_and_one_that_is_not_packed_are_read() {
        let json =
            json!({ "name": "shop", "version": 12, "namespace": "shop", "info": { "status": "deployed", "description": "Rollback to 9", "last_deployed": "" },
            "hooks": null, "chart": { "metadata": { "name": "shop", "version": "1.0.0" } } })
            .to_string();
        let plain = STANDARD.encode(&json);
        for (payload, driver) in [
            (payload(json.as_bytes(), Driver::Secret), Driver::Secret),
            (payload(json.as_bytes(), Driver::ConfigMap), Driver::ConfigMap),
            (plain, Driver::ConfigMap),
        ] {
            let record = read(&kept(12, &payload), driver).expect("a record");
            assert_eq!((record.number, record.back_to, record.at, record.good()), (12, Some(9), None, true));
            assert_eq!((&*record.chart, record.uid.expose()), ("shop-1.0.0", "uid-12"));
        }
        let told = json!({ "version": 12, "info": { "description": "as agreed", "rollback_revision": 7 } }).to_string();
        assert_eq!(read(&kept(12, &payload(told.as_bytes(), Driver::Secret)), Driver::Secret).expect("a record").back_to, Some(7));
    }

    #[test]
    fn what_can_not_be_read_is_said_and_quotes_nothing() {
        let secret = payload(br#"{"version": "hunter2"}"#, Driver::Secret);
        let torn = payload(br#"{"version": 1}"#, Driver::Secret);
        let bomb = payload(&vec![b' '; 65 << 20], Driver::Secret);
        let gone = STANDARD.encode(STANDARD.encode([GZIP, &[0, 1, 2, 3]].concat()));
        let long = "A".repeat(PACKED + 1);
        let cases = [
            (secret.as_str(), "no release that can be read"),
            (&torn[..torn.len() / 2], "damaged"),
            (&bomb, "more than 64 MiB"),
            (&gone, "damaged"),
            (&long, "longer than 4 MiB"),
            ("%%%", "base64"),
            ("", "no release that can be read"),
        ];
        for (payload, words) in cases {
            let torn = read(&kept(4, payload), Driver::Secret).expect_err(words);
            assert!(torn.number == 4 && torn.why.contains(words) && !torn.why.contains("hunter2"), "{words}: {torn:?}");
        }
    }
}
