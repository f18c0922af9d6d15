//! Senders over kept connections, each with one request at a time.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use keepset_wire::seal::SEALED_TYPE;

use crate::world::per_second;

/// How fast is sent.
#[derive(Clone, Copy)]
pub enum Pace {
    /// The next request follows the answer.
    AsFastAsAnswered,
    /// So many requests a second among all senders, whatever the answers take.
    PerSecond(f64),
}

/// What sending came to.
pub struct Run {
    /// Requests answered in a second.
    pub per_second: f64,
    /// The time of an answer in milliseconds, in order.
    latencies: Vec<f64>,
}

impl Run {
    /// Returns the time within which such a share of a hundred was answered, in milliseconds.
    pub fn percentile(&self, share: usize) -> f64 {
        self.latencies[(self.latencies.len() - 1) * share / 100]
    }
}

/// Sends each body as a request, and checks that each is answered with `status`.
pub fn send(address: SocketAddr, bodies: &[Vec<u8>], senders: usize, pace: Pace, status: u16) -> Run {
    let requests: Vec<Vec<u8>> = bodies.iter().map(|body| request(body)).collect();
    let ready = Barrier::new(senders + 1);
    let (mut latencies, seconds) = std::thread::scope(|scope| {
        let (ready, requests) = (&ready, &requests);
        let one =
            |number: usize| move || send_some(address, requests, (number, senders), pace, status, ready);
        let threads: Vec<_> = (0..senders).map(|number| scope.spawn(one(number))).collect();
        ready.wait();
        let begin = Instant::now();
        let latencies: Vec<f64> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        (latencies, per_second(requests.len(), begin))
    });
    latencies.sort_by(f64::total_cmp);
    Run { per_second: seconds, latencies }
}

fn request(body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST /v1/reports HTTP/1.1\r\nhost: x\r\ncontent-type: {SEALED_TYPE}\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn send_some(
    address: SocketAddr,
    requests: &[Vec<u8>],
    (number, senders): (usize, usize),
    pace: Pace,
    status: u16,
    ready: &Barrier,
) -> Vec<f64> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let expected = format!("HTTP/1.1 {status}");
    let mut answer = vec![0; 4_096];
    ready.wait();
    let begin = Instant::now();
    let own = requests.iter().enumerate().skip(number).step_by(senders);
    own.map(|(place, request)| {
        let due = match pace {
            Pace::AsFastAsAnswered => Instant::now(),
            // From when it was due: an answer that holds up the next request is counted in both.
            Pace::PerSecond(rate) => begin + Duration::from_secs_f64(place as f64 / rate),
        };
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        stream.write_all(request).unwrap();
        let read = stream.read(&mut answer).unwrap();
        assert!(
            answer[..read].starts_with(expected.as_bytes()),
            "{}",
            String::from_utf8_lossy(&answer[..read])
        );
        due.elapsed().as_secs_f64() * 1e3
    })
    .collect()
}
