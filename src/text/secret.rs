//! Which values are secrets, by what they are called.

/// Words in the name of a value that is not to be shown.
const SECRET_NAMES: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "token",
    "secret",
    "credential",
    "apikey",
    "api_key",
    "api-key",
    "private",
    "access_key",
    "accesskey",
    "signing",
    "dsn",
    "auth",
    "_key",
    "-key",
];

/// Whether what is called so is a secret.
pub fn secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|word| lower.contains(word)) || lower == "key" || camel_key(name)
}

/// `apiKey`, `signingKey`.
fn camel_key(name: &str) -> bool {
    name.ends_with("Key") && name.len() > 3
}
