//! What the collector asks others for: encrypted, or on this machine, within a few seconds, and never where an answer sends it.

use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::crypto::ring;
use ureq::http::Uri;

/// How long another may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether what goes to an address is encrypted on its way, or does not leave this machine.
pub(crate) fn is_safe(address: &str) -> bool {
    let Ok(uri) = address.parse::<Uri>() else { return false };
    let local = matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match uri.scheme_str() {
        Some("https") => uri.host().is_some(),
        Some("http") => local,
        _ => false,
    }
}

/// Makes what asks.
pub(crate) fn agent() -> ureq::Agent {
    let tls = ureq::tls::TlsConfig::builder()
        .root_certs(ureq::tls::RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()));
    let config = ureq::Agent::config_builder()
        .tls_config(tls.build())
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(PATIENCE))
        .user_agent("keepset-collector");
    config.build().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_asked_over_tls_or_on_this_machine() {
        for safe in
            ["https://i.example/realm", "http://127.0.0.1:9", "http://[::1]:9/a", "http://localhost/a"]
        {
            assert!(is_safe(safe), "{safe}");
        }
        for not in [
            "http://i.example",
            "i.example",
            "",
            "ftp://i.example",
            "http://127.0.0.1.i.example",
            "https:///a",
        ] {
            assert!(!is_safe(not), "{not}");
        }
    }
}
