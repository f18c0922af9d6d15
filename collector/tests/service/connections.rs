//! Connections that dawdle, crowd, explode or are encrypted.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use keepset_wire::labels::LABELS_TYPE;
use keepset_wire::seal::SEALED_TYPE;

use crate::fleet::{Noise, current, plan};
use crate::process::{Answer, Folder, Server, command, write_plan};

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Everything that still comes, until the other side closes; that it does is the point.
fn until_closed(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A connection that is reset is closed, too; one that stays open runs into the timeout of the read.
    if let Err(error) = stream.read_to_end(&mut bytes) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn whoever_dawdles_with_a_head_or_says_nothing_is_cut_off() {
    let server = Server::start(&Folder::new(), &plan(5, 2), &[]);
    let (silent, mut dawdling, mut idle) = (connect(&server), connect(&server), connect(&server));
    dawdling.write_all(b"GET /v1/plan HTTP/1.1\r\nhost: x\r\nx-slow: ").unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert!(until_closed(idle).starts_with("HTTP/1.1 200"), "a connection is kept, but not for ever");
    assert_eq!(until_closed(silent), "");
    assert!(!until_closed(dawdling).contains("200 OK"));
}

#[test]
fn connections_beyond_the_most_wait_and_are_answered_when_the_dawdlers_are_gone() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let server = Server::start(&folder, &plan, &["--max-connections", "8"]);
    let mut crowd: Vec<TcpStream> = (0..40).map(|_| connect(&server)).collect();
    crowd.iter_mut().for_each(|stream| stream.write_all(b"POST /v1/reports HTTP/1.1\r\nhost").unwrap());
    drop(crowd.split_off(20));
    // The agent waits in the queue of the system behind those that say no more.
    assert_eq!(server.post(&Noise::new(&plan, 1).bytes(current(&plan))).json()["accepted"], 1);
}

#[test]
fn a_head_that_never_ends_is_refused_within_bounds() {
    let server = Server::start(&Folder::new(), &plan(5, 2), &[]);
    let mut stream = connect(&server);
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n");
    let line = format!("x-long: {}\r\n", "a".repeat(1_000));
    // A write fails as soon as the other side has had enough.
    let written = (0..10_000).take_while(|_| stream.write_all(line.as_bytes()).is_ok()).count();
    assert!(written < 10_000, "ten megabytes of head were taken");
    assert_eq!(server.get("/healthz").status, 200);
}

/// The memory a process holds, in bytes.
fn memory(server: &Server) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1_024
}

/// 100 MB of zeros in 100 kB of gzip, on every route that takes a body.
#[test]
fn what_is_compressed_is_refused_unopened() {
    let folder = Folder::new();
    let server = Server::start(&folder, &plan(5, 2), &[]);
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    (0..100).for_each(|_| packer.write_all(&[0; 1 << 20]).unwrap());
    let bomb = packer.finish().unwrap();
    assert!(bomb.len() < 200_000);
    assert_eq!(server.get("/v1/plan").status, 200);
    let before = memory(&server);
    for (path, kind) in
        [("/v1/reports", SEALED_TYPE), ("/v1/labels", LABELS_TYPE), ("/v1/oblivious", "message/ohttp-req")]
    {
        for encoding in ["gzip", "x-gzip", "deflate", "gzip, gzip"] {
            let request = server.agent().post(format!("{}{path}", server.url)).header("content-type", kind);
            let answer =
                Answer::read(request.header("content-encoding", encoding).send(bomb.as_slice()).unwrap());
            assert!([415, 404].contains(&answer.status), "{path} {encoding}: {}", answer.status);
        }
    }
    let grown = memory(&server).saturating_sub(before);
    assert!(grown < 50 << 20, "{grown} bytes");
}

/// The first answer over a connection, and whether the connection takes another request.
fn asked_twice(server: &Server, head: &str) -> (String, bool) {
    let mut stream = connect(server);
    stream
        .write_all(format!("{head}GET /v1/plan HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes())
        .unwrap();
    let said = until_closed(stream);
    let (first, rest) = said.split_once("\r\n\r\n").unwrap();
    (first.to_lowercase(), rest.contains("HTTP/1.1 200"))
}

#[test]
fn an_answer_before_its_body_was_read_says_that_the_connection_ends_and_others_leave_it_open() {
    let server = Server::start(&Folder::new(), &plan(5, 2), &[]);
    // Nothing is at the path, and what was announced never comes whole.
    let (first, open) =
        asked_twice(&server, "POST /nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n");
    assert!(first.starts_with("http/1.1 404") && first.contains("\r\nconnection: close") && !open, "{first}");
    let refused =
        "POST /v1/reports HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\nbody";
    for (head, status) in [(refused, "415"), ("GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n", "404")] {
        let (first, open) = asked_twice(&server, head);
        assert!(first.starts_with(&format!("http/1.1 {status}")) && open, "{first}");
        assert!(!first.contains("\r\nconnection: close"), "{first}");
    }
}

/// A certificate for this machine, its key, and the agent that trusts it.
fn certificate(folder: &Folder) -> (PathBuf, PathBuf, ureq::Agent) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    only_its_owner(&key, 0o600);
    let root = ureq::tls::Certificate::from_der(made.cert.der()).to_owned();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let tls = ureq::tls::TlsConfig::builder()
        .root_certs(ureq::tls::RootCerts::Specific(Arc::new(vec![root])))
        .unversioned_rustls_crypto_provider(provider);
    let agent = ureq::Agent::config_builder().tls_config(tls.build()).http_status_as_error(false).build();
    (certificate, key, agent.into())
}

fn only_its_owner(file: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn with_a_certificate_the_collector_speaks_tls_and_nothing_else() {
    let (folder, plan) = (Folder::new(), plan(5, 2));
    let (certificate, key, agent) = certificate(&folder);
    let more = ["--tls-cert", certificate.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let mut server = Server::start(&folder, &plan, &more);
    assert!(server.url.starts_with("https://127.0.0.1:"), "{}", server.url);
    let body = Noise::new(&plan, 1).bytes(current(&plan));
    let request = agent.post(format!("{}/v1/reports", server.url)).header("content-type", SEALED_TYPE);
    assert_eq!(Answer::read(request.send(&body).unwrap()).json()["accepted"], 1);
    let plain = server.url.replace("https", "http");
    assert!(server.agent().get(format!("{plain}/healthz")).call().is_err());
    // Whoever does not know the certificate does not speak with it.
    let strange = certificate_of_another();
    assert!(strange.get(format!("{}/healthz", server.url)).call().is_err());
    // One who says nothing is cut off, as without TLS.
    let silent = TcpStream::connect(server.url.trim_start_matches("https://")).unwrap();
    silent.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    assert_eq!(until_closed(silent), "");
    assert!(server.stop().success());
}

fn certificate_of_another() -> ureq::Agent {
    certificate(&Folder::new()).2
}

#[test]
fn a_certificate_or_key_that_cannot_be_used_is_refused_by_its_flag() {
    let (folder, five) = (Folder::new(), plan(5, 2));
    let (certificate, key, _) = certificate(&folder);
    let (file, other) = (write_plan(&folder, &five), folder.join("other.pem"));
    let another = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&other, another.signing_key.serialize_pem()).unwrap();
    only_its_owner(&other, 0o600);
    let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let said = |certificate: &str, key: &str| {
        let more = ["--tls-cert", certificate, "--tls-key", key];
        let output = command(&file, folder.join("store.sqlite"), &more).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(said(&text(&file), &text(&key)).contains("--tls-cert: "));
    assert!(
        said(&text(&certificate), &text(&other)).contains("--tls-cert: "),
        "a key of another certificate"
    );
    assert!(said(&text(&certificate), &text(&certificate)).contains("--tls-key: "));
    only_its_owner(&key, 0o644);
    assert!(said(&text(&certificate), &text(&key)).contains("chmod 600"));
}
