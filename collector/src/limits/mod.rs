//! How much one address may ask, and all together, of a collector that keeps no address.
//!
//! # Privacy
//! Addresses are looked at and forgotten: what stays is a count in a [`sketch`], until the first request after its minute, or the next look
//! at the clock where nobody asks: for two minutes at most. The salt is drawn anew with each period. Without a limit per address none is
//! counted. Nothing of it is written to a disk, a log or an answer.

mod proxy;
mod sketch;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use keepset_privacy::{Coins as _, SystemCoins};

use crate::problem::{Kind, Problem};
use crate::server::{Collector, OBLIVIOUS};

pub use proxy::{Network, Proxies, ProxyHeader};
use sketch::Sketch;

/// So long an address is counted; then everything is forgotten.
const PERIOD: Duration = Duration::from_secs(60);
/// So long all requests are counted together.
const MOMENT: Duration = Duration::from_secs(1);

/// Where a connection comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// How much may be asked; nothing where there is no limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    /// How many requests an address may make in a minute, and as many connections.
    pub per_address: Option<u32>,
    /// How many requests are answered in a second, whoever makes them.
    pub together: Option<u32>,
}

/// Counts requests and connections, and says when there are too many.
#[derive(Debug)]
pub struct Limits {
    rates: Rates,
    proxies: Proxies,
    counts: Mutex<Counts>,
}

#[derive(Debug)]
struct Counts {
    requests: Sketch,
    connections: Sketch,
    period: Instant,
    together: u32,
    moment: Instant,
}

impl Limits {
    /// Begins to count.
    #[must_use]
    pub fn new(rates: Rates, proxies: Proxies) -> Self {
        let (now, salt) = (Instant::now(), fresh);
        let (requests, connections) = (Sketch::new(salt()), Sketch::new(salt()));
        let counts = Counts { requests, connections, period: now, together: 0, moment: now };
        Self { rates, proxies, counts: Mutex::new(counts) }
    }

    /// Counts a request, and says when it is one too many. Without a client only all together are counted.
    fn request(&self, client: Option<IpAddr>, now: Instant) -> Result<(), Problem> {
        let mut counts = self.counts(now);
        if let Some((client, most)) = client.zip(self.rates.per_address)
            && counts.requests.add(&proxy::key(client)) > most
        {
            return Err(Problem::from(Kind::TooManyRequests).again_after(counts.left(now)));
        }
        // What an address is refused is no burden on the others.
        counts.together = counts.together.saturating_add(1);
        match self.rates.together.is_some_and(|most| counts.together > most) {
            true => Err(Problem::from(Kind::TooManyTogether).again_after(MOMENT)),
            false => Ok(()),
        }
    }

    /// Counts a connection, and says whether it may stay. Those of proxies are many people's.
    pub(crate) fn connection(&self, peer: SocketAddr, now: Instant) -> bool {
        let Some(most) = self.rates.per_address else { return true };
        if self.proxies.trusts(peer.ip()) || proxy::is_local(peer.ip()) {
            return true;
        }
        self.counts(now).connections.add(&proxy::key(peer.ip())) <= most
    }

    /// Forgets the counts of a period that is over, also when nobody asks any more.
    pub(crate) fn forget(&self, now: Instant) {
        drop(self.counts(now));
    }

    /// Returns the counts of this period and this moment.
    fn counts(&self, now: Instant) -> MutexGuard<'_, Counts> {
        // A count is whole at any time.
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(counts.period) >= PERIOD {
            counts.requests.renew(fresh());
            counts.connections.renew(fresh());
            counts.period = now;
        }
        if now.saturating_duration_since(counts.moment) >= MOMENT {
            (counts.together, counts.moment) = (0, now);
        }
        counts
    }
}

impl Counts {
    /// Returns how long this period still lasts.
    fn left(&self, now: Instant) -> Duration {
        PERIOD.saturating_sub(now.saturating_duration_since(self.period))
    }
}

/// Draws 32 bytes by chance; a machine that has none left gives zeros, which [`Sketch::renew`] is ready for.
fn fresh() -> [u8; 32] {
    SystemCoins::open().and_then(|mut coins| coins.secret()).unwrap_or_default()
}

/// Lets a request through, or says that it is one too many.
pub(crate) async fn check(State(collector): State<Arc<Collector>>, request: Request, next: Next) -> Response {
    let limits = collector.limits();
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    // What a relay forwards comes from its one address.
    let relayed = path == OBLIVIOUS && request.method() == Method::POST;
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
    let client = peer.map(|peer| limits.proxies.client(peer, request.headers()));
    // A proxy on this machine that nobody named would make everyone one address.
    let client = client.filter(|client| !relayed && !proxy::is_local(*client));
    match limits.request(client, Instant::now()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(per_address: Option<u32>, together: Option<u32>) -> Limits {
        Limits::new(Rates { per_address, together }, Proxies::default())
    }

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn an_address_that_asks_too_often_waits_for_the_next_period_and_others_do_not() {
        let (limits, begin) = (limits(Some(3), None), Instant::now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert!((0..3).all(|_| limits.request(Some(ONE), at(20)).is_ok()));
        let problem = limits.request(Some(ONE), at(20)).unwrap_err();
        assert_eq!(problem.kind(), Kind::TooManyRequests);
        assert!(problem.after.is_some_and(|seconds| (40..=41).contains(&seconds)), "{problem:?}");
        assert!(limits.request(Some(OTHER), at(20)).is_ok() && limits.request(None, at(20)).is_ok());
        assert!(limits.request(Some(ONE), at(61)).is_ok());
    }

    #[test]
    fn without_a_limit_per_address_none_is_counted() {
        let (limits, now) = (limits(None, Some(9)), Instant::now());
        assert!((0..9).all(|_| limits.request(Some(ONE), now).is_ok()));
        assert_eq!(limits.counts(now).requests.add(&proxy::key(ONE)), 1);
    }

    #[test]
    fn all_together_are_limited_by_the_second_and_refused_addresses_do_not_count() {
        let (limits, begin) = (limits(Some(2), Some(4)), Instant::now());
        for _ in 0..50 {
            let _ = limits.request(Some(ONE), begin);
        }
        assert!((0..2).all(|_| limits.request(None, begin).is_ok()));
        let problem = limits.request(Some(OTHER), begin).unwrap_err();
        assert_eq!((problem.kind(), problem.after), (Kind::TooManyTogether, Some(1)));
        assert!(limits.request(Some(OTHER), begin + MOMENT).is_ok());
    }

    #[test]
    fn connections_are_counted_apart_from_requests_and_those_of_this_machine_and_of_proxies_not_at_all() {
        let proxies = Proxies { trusted: vec![Network::parse("192.0.2.2").unwrap()], ..Proxies::default() };
        let limits = Limits::new(Rates { per_address: Some(2), together: None }, proxies);
        let (now, from) = (Instant::now(), |ip: IpAddr| SocketAddr::new(ip, 4_711));
        assert!(limits.request(Some(ONE), now).is_ok());
        let admitted = |ip| (0..9).filter(|_| limits.connection(from(ip), now)).count();
        assert_eq!([ONE, OTHER, IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)].map(admitted), [2, 9, 9]);
    }
}
