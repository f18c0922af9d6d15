//! Whose request it is: the address it came from, or what a proxy that is trusted says of it.
//!
//! A header counts only from an address that was named as a proxy, and only the one header that this proxy writes: whatever else a
//! client sends is not looked at.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, header};

/// The addresses of one network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Reads `ADDRESS` or `ADDRESS/PREFIX`.
    ///
    /// # Errors
    /// One sentence that says what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "expected an address or a network, like 192.0.2.1, 10.0.0.0/8 or fd00::/8".to_owned();
        let (address, prefix) =
            text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(longest), str::parse).map_err(|_| wrong())?;
        let network = Self { address, prefix };
        if prefix > longest {
            return Err(wrong());
        }
        if network.bits(address) != bits(address) {
            return Err(format!("{text} has bits set behind its prefix"));
        }
        Ok(network)
    }

    fn contains(self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4() && self.bits(address) == self.bits(self.address)
    }

    /// Returns an address up to the prefix, and zeros behind it.
    fn bits(self, address: IpAddr) -> u128 {
        let width = if address.is_ipv4() { 32 } else { 128 };
        let behind = u32::from(width - self.prefix.min(width));
        bits(address).checked_shr(behind).and_then(|kept| kept.checked_shl(behind)).unwrap_or(0)
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

/// Which header a proxy writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ProxyHeader {
    /// `X-Forwarded-For`, which most proxies write.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl ProxyHeader {
    /// Lists the hops that a header names, the last first; a hop that hides its address is nothing.
    fn hops(self, headers: &HeaderMap) -> Vec<Option<IpAddr>> {
        let name = match self {
            Self::XForwardedFor => HeaderName::from_static("x-forwarded-for"),
            Self::Forwarded => header::FORWARDED,
        };
        let lines = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
        let mut hops: Vec<Option<IpAddr>> = lines.flat_map(|line| self.line(line)).collect();
        hops.reverse();
        hops
    }

    fn line(self, line: &str) -> Vec<Option<IpAddr>> {
        match self {
            Self::XForwardedFor => line.split(',').map(|hop| address(hop.trim())).collect(),
            Self::Forwarded => split_outside_quotes(line, ',').into_iter().map(forwarded_for).collect(),
        }
    }
}

/// Reads `for` of one element of `Forwarded` (RFC 7239, section 4).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let pairs = split_outside_quotes(element, ';');
    let mut values = pairs.into_iter().filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim())
    });
    let value = values.next()?;
    address(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
}

fn split_outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(|letter: char| {
        let here = !quoted && letter == separator;
        quoted ^= letter == '"' && !escaped;
        escaped = quoted && letter == '\\' && !escaped;
        here
    })
    .collect()
}

/// Reads an address that may have a port behind it, and brackets around it when it is one of IPv6.
fn address(text: &str) -> Option<IpAddr> {
    let bracketed = || {
        text.strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .and_then(|inner| inner.parse::<Ipv6Addr>().ok())
    };
    let plain = text.parse::<IpAddr>().ok();
    plain
        .or_else(|| bracketed().map(IpAddr::V6))
        .or_else(|| text.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()))
}

/// Which proxies are trusted.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// From where they come.
    pub trusted: Vec<Network>,
    /// What they write.
    pub header: ProxyHeader,
}

impl Proxies {
    /// Returns the last address on the way here that is not one of a trusted proxy. Where such a proxy hides the one before it, the
    /// proxy itself; where there are only trusted ones, the first of them.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.trusts(client) {
            return client;
        }
        for hop in self.header.hops(headers) {
            let Some(hop) = hop else { break };
            client = hop.to_canonical();
            if !self.trusts(client) {
                break;
            }
        }
        client
    }

    /// Whether an address is a trusted proxy's.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|network| network.contains(address))
    }
}

/// Returns what of an address a limit goes by: all of IPv4, and the first half of IPv6, which is one customer's.
pub(super) fn key(address: IpAddr) -> [u8; 9] {
    let (family, bits) = match address.to_canonical() {
        IpAddr::V4(address) => (4, u64::from(u32::from(address))),
        IpAddr::V6(address) => (6, u64::try_from(u128::from(address) >> 64).unwrap_or_default()),
    };
    let mut key = [family; 9];
    key[1..].copy_from_slice(&bits.to_be_bytes());
    key
}

/// Whether it is this machine that asks.
pub(super) fn is_local(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_loopback() || address == IpAddr::V4(Ipv4Addr::UNSPECIFIED)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn client(header: ProxyHeader, peer: &str, lines: &[&str]) -> IpAddr {
        let trusted =
            ["10.0.0.0/8", "fd00::/8", "192.0.2.7"].map(|text| Network::parse(text).unwrap()).to_vec();
        let name = if header == ProxyHeader::Forwarded { "forwarded" } else { "x-forwarded-for" };
        let mut headers = HeaderMap::new();
        lines.iter().for_each(|line| {
            headers.append(name, HeaderValue::from_str(line).unwrap());
        });
        Proxies { trusted, header }.client(ip(peer), &headers)
    }

    #[test]
    fn what_an_untrusted_address_says_of_itself_is_not_looked_at() {
        for header in [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded] {
            assert_eq!(
                client(header, "203.0.113.9", &["for=198.51.100.1", "198.51.100.1"]),
                ip("203.0.113.9")
            );
        }
        // The header that the proxy does not write is the client's own.
        let mut headers = HeaderMap::new();
        headers.insert("forwarded", HeaderValue::from_static("for=198.51.100.1"));
        let proxies = Proxies {
            trusted: vec![Network::parse("10.0.0.1").unwrap()],
            header: ProxyHeader::XForwardedFor,
        };
        assert_eq!(proxies.client(ip("10.0.0.1"), &headers), ip("10.0.0.1"));
    }

    #[test]
    fn the_rightmost_untrusted_hop_is_the_client_whatever_it_wrote_before_itself() {
        let said = |peer, lines: &[&str]| client(ProxyHeader::XForwardedFor, peer, lines);
        assert_eq!(said("10.1.1.1", &["1.1.1.1, 198.51.100.1, 10.2.2.2"]), ip("198.51.100.1"));
        assert_eq!(said("10.1.1.1", &["1.1.1.1", "198.51.100.1:4711 , [fd00::2]:80"]), ip("198.51.100.1"));
        assert_eq!(said("10.1.1.1", &["1.1.1.1, unknown, 10.2.2.2"]), ip("10.2.2.2"));
        assert_eq!(said("10.1.1.1", &["10.3.3.3, 10.2.2.2"]), ip("10.3.3.3"));
        assert_eq!(said("10.1.1.1", &[]), ip("10.1.1.1"));
        assert_eq!(said("::ffff:10.1.1.1", &["::ffff:198.51.100.1"]), ip("198.51.100.1"));
        let said = |lines: &[&str]| client(ProxyHeader::Forwarded, "192.0.2.7", lines);
        assert_eq!(
            said(&["for=1.1.1.1, for=198.51.100.1;proto=https;by=10.9.9.9, For=\"[fd00::1]:99\""]),
            ip("198.51.100.1")
        );
        assert_eq!(
            said(&["for=\"a,for=1.1.1.1;\\\"b\", proto=http ; for=\"[2001:db8::5]:80\""]),
            ip("2001:db8::5")
        );
        assert_eq!(said(&["for=198.51.100.1, for=_hidden"]), ip("192.0.2.7"));
    }

    #[test]
    fn one_customer_of_ipv6_is_one_key_and_the_families_are_apart() {
        assert_eq!(key(ip("2001:db8:1:2::1")), key(ip("2001:db8:1:2:ffff::9")));
        assert_ne!(key(ip("2001:db8:1:2::1")), key(ip("2001:db8:1:3::1")));
        assert_eq!(key(ip("::ffff:192.0.2.1")), key(ip("192.0.2.1")));
        assert_ne!(key(ip("192.0.2.1")), key(ip("::c000:201")));
    }

    #[test]
    fn a_network_is_read_or_refused_in_a_sentence() {
        for wrong in ["", "10.0.0.0/33", "::/129", "10.0.0.0/", "host", "10.0.0.0/-1", "10.0.0.0/8/8"] {
            assert!(Network::parse(wrong).unwrap_err().contains("expected"), "{wrong}");
        }
        assert!(Network::parse("10.0.0.1/8").unwrap_err().contains("behind its prefix"));
        let everything = Network::parse("0.0.0.0/0").unwrap();
        assert!(everything.contains(ip("203.0.113.9")) && !everything.contains(ip("2001:db8::1")));
        assert!(Network::parse("::/0").unwrap().contains(ip("2001:db8::1")));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_header_names_a_client_and_nothing_panics(line in "[ -~]{0,80}", parts in proptest::collection::vec("(for=|\"|\\[|\\]|,|;|:|\\\\|1|f|\\.| ){0,20}", 0..4)) {
            for header in [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded] {
                let mut lines: Vec<&str> = parts.iter().map(String::as_str).collect();
                lines.push(&line);
                let _ = client(header, "10.1.1.1", &lines);
                prop_assert_eq!(client(header, "203.0.113.9", &lines), ip("203.0.113.9"));
            }
        }
    }
}
