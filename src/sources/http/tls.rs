//! Whom we trust and who we are. Certificates are always verified; what is wrong with one is told exactly.

use crate::{clean, text::Clean};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Our own certificate and its key, as PEM files.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    /// The certificate, with those between it and its authority.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// Whom we trust, and who we are.
#[derive(Clone)]
pub(super) struct Trust {
    pub ca_file: Option<PathBuf>,
    pub client: Option<ClientCertificate>,
}

impl Trust {
    /// The settings of TLS. It reads files.
    pub fn config(&self) -> Result<ClientConfig, Clean> {
        let provider = Arc::new(ring::default_provider());
        let verifier = Arc::new(Telling(self.verifier(&provider)?));
        let wrong = |error: Error| clean!("TLS can not be set up: {error}");
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(wrong)?;
        // "Dangerous" is any verifier of one's own: this one refuses what the usual one refuses, with better words.
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
        let mut config = match &self.client {
            None => builder.with_no_client_auth(),
            Some(client) => {
                let key = PrivateKeyDer::from_pem_file(&client.key).map_err(|error| clean!("{}: {error}; it must be a key as PEM", client.key.display()))?;
                builder
                    .with_client_auth_cert(certificates(&client.certificate)?, key)
                    .map_err(|error| clean!("the client certificate can not be used: {error}"))?
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, Clean> {
        let mut roots = RootCertStore::empty();
        let (_, ignored) = match &self.ca_file {
            Some(file) => roots.add_parsable_certificates(certificates(file)?),
            None => roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
        };
        if let (Some(file), true) = (&self.ca_file, roots.is_empty()) {
            return Err(clean!("{}: none of its {ignored} certificates can be an authority", file.display()));
        }
        if roots.is_empty() {
            // A machine without certificates can still speak plain HTTP; over TLS it trusts nobody.
            return Ok(Arc::new(Nobody(provider.clone())));
        }
        let built = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
        built.map(|verifier| verifier as Arc<dyn ServerCertVerifier>).map_err(|error| clean!("TLS can not be set up: {error}"))
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Clean> {
    let shown = file.display();
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read.map_err(|error| clean!("{shown}: {error}; it must be certificates as PEM"))? {
        empty if empty.is_empty() => Err(clean!("{shown} holds no certificate; it must be certificates as PEM")),
        found => Ok(found),
    }
}

/// The certificate is its own authority.
#[derive(Debug)]
pub(super) struct SelfSigned;

impl fmt::Display for SelfSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the certificate is signed by itself")
    }
}
impl std::error::Error for SelfSigned {}

/// Verifies as usual, and tells a certificate that is its own authority from one whose authority is not known.
#[derive(Debug)]
struct Telling(Arc<dyn ServerCertVerifier>);

impl ServerCertVerifier for Telling {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.0.verify_server_cert(own, chain, name, ocsp, now).map_err(|error| match error {
            Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature | CertificateError::Other(_)) if is_self_signed(own) => {
                Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(SelfSigned))))
            }
            other => other,
        })
    }

    fn verify_tls12_signature(&self, message: &[u8], cert: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(&self, message: &[u8], cert: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Trusts nobody.
#[derive(Debug)]
struct Nobody(Arc<CryptoProvider>);

impl ServerCertVerifier for Nobody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Err(Error::InvalidCertificate(CertificateError::UnknownIssuer))
    }

    fn verify_tls12_signature(&self, _: &[u8], _: &CertificateDer<'_>, _: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::InvalidCertificate(CertificateError::UnknownIssuer))
    }

    fn verify_tls13_signature(&self, _: &[u8], _: &CertificateDer<'_>, _: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::InvalidCertificate(CertificateError::UnknownIssuer))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether issuer and subject are the same (RFC 5280 §4.1: serial, algorithm, issuer, validity, subject).
fn is_self_signed(certificate: &[u8]) -> bool {
    let fields = || {
        let (_, certificate, _) = element(certificate)?;
        let (_, body, _) = element(certificate)?;
        let (tag, _, after) = element(body)?;
        // An explicit version comes before the serial number.
        let (_, _, rest) = if tag == 0xa0 { element(after)? } else { (0, body, after) };
        let (_, _, rest) = element(rest)?;
        let (_, issuer, rest) = element(rest)?;
        let (_, _, rest) = element(rest)?;
        let (_, subject, _) = element(rest)?;
        Some(issuer == subject)
    };
    fields().unwrap_or(false)
}

/// The tag and the content of the first element of DER, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}
