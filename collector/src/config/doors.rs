//! The settings of connections: TLS, how many, how much may be asked, and which proxies are believed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::http::{HeaderValue, Uri};
use clap::Args;
use keepset_wire::Plan;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{DEFAULT_VERSIONS, ServerConfig};

use crate::checks::Origins;
use crate::limits::{Limits, Network, Proxies, ProxyHeader, Rates};
use crate::listen::Listening;
use crate::private;
use crate::report_tokens::{Redeemer, TokenKeys};

/// How connections are taken.
#[derive(Clone, Debug, Args)]
pub struct Doors {
    /// Speak TLS with this certificate and those that vouch for it (PEM); left out, a proxy in front does.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The private key of the certificate (PEM); a file that others than its owner may use is refused.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// How many connections there may be at once; further ones wait.
    #[arg(long, value_name = "N", default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_connections: u32,
    /// How many requests an address may make in a minute, and how many connections; 0 for any number. This machine itself is not limited, nor are the
    /// requests that a relay forwards; name the relay with --trusted-proxy, so that its connections are not either.
    #[arg(long, value_name = "N", default_value_t = 600)]
    pub rate_per_address: u32,
    /// How many requests are answered in a second, whoever makes them; 0 for any number.
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    pub rate_together: u32,
    /// A proxy that is believed when it says whose request it is: an address or a network (CIDR); may be given several times.
    #[arg(long, value_name = "CIDR", value_parser = Network::parse)]
    pub trusted_proxy: Vec<Network>,
    /// An origin whose pages may send reports and labels and read the plan, as https://shop.example; may be given several times. Without one, pages of
    /// any origin may. Browsers keep to it; whoever uses none is not held back.
    #[arg(long, value_name = "ORIGIN", value_parser = origin)]
    pub origin: Vec<HeaderValue>,
    /// Count votes by origin, too, and show each estimate without the reports of one: --origin, those who name none, and those who name another one.
    #[arg(long, requires = "origin")]
    pub compare_origins: bool,
    /// Take only reports that bring a token, each a new one: the public keys of those who issue tokens, which
    /// `keepset-collector keys new --issuer` prints.
    #[arg(long, value_name = "FILE")]
    pub report_tokens: Option<PathBuf>,
    /// The header in which the trusted proxies say it; no other is looked at.
    #[arg(long, value_name = "HEADER", value_enum, default_value_t, requires = "trusted_proxy")]
    pub proxy_header: ProxyHeader,
}

/// Reads an origin as browsers write it (RFC 6454): scheme and host, and a port where it is not the scheme's own.
fn origin(text: &str) -> Result<HeaderValue, String> {
    let uri: Option<Uri> = text.parse().ok();
    let parts = uri.as_ref().and_then(|uri| Some((uri.scheme_str()?, uri.authority()?.as_str())));
    let written = parts.filter(|(scheme, _)| ["http", "https"].contains(scheme));
    let same = written.is_some_and(|(scheme, host)| text == format!("{scheme}://{host}").to_lowercase());
    let own = text.ends_with(":443") && text.starts_with("https:")
        || text.ends_with(":80") && text.starts_with("http:");
    HeaderValue::from_str(text).ok().filter(|_| same && !own && !text.contains('@')).ok_or_else(|| {
        "expected an origin as browsers write it: https://shop.example, in small letters and without a path".into()
    })
}

impl Doors {
    /// Returns how much may be asked.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let limit = |most: u32| (most > 0).then_some(most);
        let rates = Rates { per_address: limit(self.rate_per_address), together: limit(self.rate_together) };
        Limits::new(rates, Proxies { trusted: self.trusted_proxy.clone(), header: self.proxy_header })
    }

    /// Reads what tokens the reports of `plan` are paid with; nothing where they need none.
    ///
    /// # Errors
    /// One sentence that names the flag, the file and the place in it.
    pub fn redeemer(&self, plan: &Plan) -> Result<Option<Redeemer>, String> {
        let load = |path: &PathBuf| TokenKeys::load_public(path).map(|keys| Redeemer::new(plan, keys));
        self.report_tokens.as_ref().map(load).transpose().map_err(|error| format!("--report-tokens: {error}"))
    }

    /// Returns the origins whose reports are compared; nothing where none are.
    #[must_use]
    pub fn compared(&self) -> Option<Origins> {
        self.compare_origins.then(|| Origins::new(&self.origin))
    }

    /// Reads certificate and key.
    ///
    /// # Errors
    /// One sentence that names the flag and the file.
    pub fn listening(&self) -> Result<Listening, String> {
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => Some(acceptor(certificate, key)?),
            _ => None,
        };
        Ok(Listening { most: usize::try_from(self.max_connections).unwrap_or(usize::MAX), tls })
    }
}

fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, String> {
    let shown = certificate.display();
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|error| format!("--tls-cert: {shown} cannot be read: {error}"))?;
    if chain.is_empty() {
        return Err(format!("--tls-cert: {shown} holds no certificate (PEM)"));
    }
    let pem = private::read(key, "a private key").map_err(|error| format!("--tls-key: {error}"))?;
    let private = PrivateKeyDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| format!("--tls-key: {} holds no private key (PEM)", key.display()))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(DEFAULT_VERSIONS)
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private));
    let mut config =
        config.map_err(|error| format!("--tls-cert: {shown} cannot be used with --tls-key: {error}"))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
