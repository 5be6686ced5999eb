//! What a revision of a release consists of: the objects of its manifest.

use crate::{clean, text::Clean};
use serde_json::Value;

/// One object of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// By which Helm knows it again: another version of the same group is the same object.
    pub key: Key,
    /// All of it.
    pub body: Value,
}

/// By which Helm knows an object again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its group; empty for the core.
    pub group: String,
    /// Its namespace: that of the release where it names none.
    pub namespace: String,
}

impl Object {
    /// Whether Helm leaves it where a revision no longer has it.
    pub fn kept(&self) -> bool {
        let policy = self.body.pointer("/metadata/annotations/helm.sh~1resource-policy").and_then(Value::as_str);
        policy.is_some_and(|policy| policy.trim().eq_ignore_ascii_case("keep"))
    }

    /// What is lost for good when it is deleted, where that is more than itself.
    pub fn takes_along(&self) -> Option<Clean> {
        match self.key.kind.as_str() {
            "CustomResourceDefinition" => {
                let plural = self.body.pointer("/spec/names/plural").and_then(Value::as_str).unwrap_or("custom resources");
                Some(clean!("all {plural} in every namespace"))
            }
            "PersistentVolumeClaim" | "PersistentVolume" => Some(Clean::from_static("the data on it")),
            "Namespace" => Some(Clean::from_static("everything in it")),
            _ => None,
        }
    }

    /// Its pod template, where it has one.
    pub fn template(&self) -> Option<&Value> {
        self.body.pointer("/spec/template").filter(|template| template.pointer("/spec/containers").is_some())
    }
}

/// The objects of a manifest, and how many of it can not be read.
pub fn objects(manifest: &str, namespace: &str) -> (Vec<Object>, usize) {
    let (mut found, mut torn) = (Vec::new(), 0);
    for document in documents(manifest) {
        let options = serde_saphyr::options! { legacy_octal_numbers: true, with_snippet: false };
        match serde_saphyr::from_str_with_options::<Value>(&document, options) {
            Ok(Value::Null) => {}
            Ok(body) => torn += usize::from(!take(body, namespace, &mut found)),
            Err(_) => torn += 1,
        }
    }
    (found, torn)
}

/// Takes in an object, or all of a list; whether it has what every object has.
fn take(mut body: Value, namespace: &str, found: &mut Vec<Object>) -> bool {
    let text = |body: &Value, pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = text(&body, "/kind");
    if kind.ends_with("List")
        && let Some(Value::Array(items)) = body.get_mut("items").map(Value::take)
    {
        return items.into_iter().all(|item| take(item, namespace, found));
    }
    let (name, version, own) = (text(&body, "/metadata/name"), text(&body, "/apiVersion"), text(&body, "/metadata/namespace"));
    let group = version.split_once('/').map(|(group, _)| group.to_owned()).unwrap_or_default();
    let whole = !kind.is_empty() && !name.is_empty();
    let key = Key { kind, name, group, namespace: if own.is_empty() { namespace.to_owned() } else { own } };
    found.push(Object { key, body });
    whole
}

/// The documents of a manifest, each a text of its own, so that one that is torn does not take the others along.
fn documents(manifest: &str) -> impl Iterator<Item = String> {
    let mut all = vec![String::new()];
    for line in manifest.lines() {
        match line.strip_prefix("---") {
            Some(rest) if rest.is_empty() || rest.starts_with([' ', '\t', '\r']) => all.push(String::new()),
            _ => {
                let last = all.len() - 1;
                all[last].push_str(line);
                all[last].push('\n');
            }
        }
    }
    let says = |document: &String| document.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    all.into_iter().filter(says)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_document_is_an_object_and_a_torn_one_takes_no_other_along() {
        let manifest = "---\n# Source: shop/templates/empty.yaml\n---\n# Source: a\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: conf\n  annotations:\n    helm.sh/resource-policy: keep\ndata:\n  pem: |\n    -----BEGIN X-----\n    ---\n\
            ---\nkind: [torn\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: cart, namespace: other}\nspec: {template: {spec: {containers: []}}}\n\
            ---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: cart}}\n";
        let (found, torn) = objects(manifest, "shop");
        let told: Vec<_> =
            found.iter().map(|object| (format!("{}/{}", object.key.kind, object.key.name), object.key.namespace.as_str(), object.kept())).collect();
        assert_eq!(
            told,
            [("ConfigMap/conf".to_owned(), "shop", true), ("Deployment/cart".to_owned(), "other", false), ("Service/cart".to_owned(), "shop", false)]
        );
        assert_eq!((torn, found[1].key.group.as_str(), found[1].template().is_some()), (1, "apps", true));
        assert_eq!(found[0].body["data"]["pem"], "-----BEGIN X-----\n---\n");
        assert_eq!(objects("a: &a [x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b]\n", "shop").1, 1, "no name and no kind");
    }

    #[test]
    fn modes_are_read_as_helm_reads_them() {
        let (found, _) = objects("kind: Secret\nmetadata: {name: a}\nmode: 0644\n", "shop");
        assert_eq!(found[0].body["mode"], 420);
    }
}
