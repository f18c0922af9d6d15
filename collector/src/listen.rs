//! Connections: how many there are at once, how long each may dawdle, TLS where it is asked for, and an end that lets requests under
//! way finish.
//!
//! HTTP/1.1 only. A head has [`HEAD_TIME`], a body has a time of its own, a whole connection [`CONNECTION_TIME`], in which an answer
//! must be taken, too; whoever dawdles longer is cut off. When there are as many connections as may be, further ones wait in the
//! queue of the system.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use crate::labels::Desk;
use crate::limits::Peer;
use crate::server::{Collector, router};
use crate::unread;

/// A head that takes longer, or a connection that is idle for longer, is cut off; so is a TLS handshake.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// After this a connection takes no further request: also whoever reads slowly comes to an end.
const CONNECTION_TIME: Duration = Duration::from_secs(300);
/// How long requests under way may take after the signal to stop.
const STOP_TIME: Duration = Duration::from_secs(15);
/// A head is not longer than this, whatever a client sends.
const HEAD_BYTES: usize = 32 << 10;
/// How often what is due by the clock is done.
const SWEEP_TIME: Duration = Duration::from_secs(60);
/// How often it is looked whether a message to the receiver of labels is due.
const DELIVER_TIME: Duration = Duration::from_secs(1);
/// After so many times it is looked for what changed.
const RECONCILE_TICKS: u64 = 10;
/// After so many times the store is made small: once a day.
const COMPACT_TICKS: u64 = 24 * 60;

/// How connections are taken.
#[derive(Clone)]
pub struct Listening {
    /// How many there may be at once.
    pub most: usize,
    /// What encrypts them; nothing where a proxy does.
    pub tls: Option<TlsAcceptor>,
}

/// Serves until `stop` ends, then lets requests under way finish.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    listening: Listening,
    collector: Arc<Collector>,
    files: Option<&Path>,
    stop: impl Future<Output = ()> + Send,
) -> std::io::Result<()> {
    let forget = tokio::spawn(forget(Arc::clone(&collector)));
    let sweep = tokio::spawn(sweep(Arc::clone(&collector)));
    let deliver = tokio::spawn(deliver(Arc::clone(&collector)));
    accept(&listener, listening, &collector, &router(Arc::clone(&collector), files), stop).await;
    drop(listener);
    forget.abort();
    sweep.abort();
    deliver.abort();
    if let Some(webhook) = collector.labels().and_then(Desk::webhook) {
        webhook.stop();
    }
    // What cannot be written now is a minute of a statistic.
    let _ = tokio::time::timeout(STOP_TIME, collector.store().write_aside()).await;
    Ok(())
}

/// Takes connections until `stop` ends, and waits for those that are left.
async fn accept(
    listener: &TcpListener,
    listening: Listening,
    collector: &Collector,
    router: &Router,
    stop: impl Future<Output = ()> + Send,
) {
    let places = Arc::new(Semaphore::new(listening.most));
    // Every connection holds a receiver: when the last is gone, so is the last connection.
    let (stopping, stopped) = watch::channel(());
    tokio::pin!(stop);
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, next_stream(listener).await)
        };
        let (place, (stream, peer)) = tokio::select! {
            () = &mut stop => break,
            next = next => next,
        };
        if !collector.limits().connection(peer, Instant::now()) {
            continue;
        }
        let (tls, router, stopped) = (listening.tls.clone(), router.clone(), stopped.clone());
        tokio::spawn(async move {
            match tls {
                None => answer(stream, peer, router, stopped).await,
                Some(tls) => {
                    if let Ok(Ok(stream)) = tokio::time::timeout(HEAD_TIME, tls.accept(stream)).await {
                        answer(stream, peer, router, stopped).await;
                    }
                }
            }
            drop(place);
        });
    }
    let _ = stopping.send(());
    drop(stopped);
    let _ = tokio::time::timeout(STOP_TIME, stopping.closed()).await;
}

async fn next_stream(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Answers are short and whole; waiting for more of them helps nobody.
                let _ = stream.set_nodelay(true);
                return (stream, peer);
            }
            Err(error) if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) => {
            }
            // Most likely there are no more file descriptors: some come back when connections end.
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// Answers the requests of one connection, until it ends, dawdles, or is told to stop.
async fn answer<S>(stream: S, peer: SocketAddr, router: Router, mut stopped: watch::Receiver<()>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        unread::answer(router.clone(), request)
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(HEAD_BYTES);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.changed() => {}
        () = tokio::time::sleep(CONNECTION_TIME) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(STOP_TIME, connection).await;
}

/// Tells the receiver of labels what changes. What changed is looked for apart from when it changed, and sent in the order of the names.
async fn deliver(collector: Arc<Collector>) {
    if collector.labels().and_then(Desk::webhook).is_none() {
        return;
    }
    let mut ticks = tokio::time::interval(DELIVER_TIME);
    for tick in 0_u64.. {
        ticks.tick().await;
        let telling = Arc::clone(&collector);
        let work = move || {
            let Some(desk) = telling.labels() else { return };
            // A store that cannot be written is tried again.
            let looked = if tick.is_multiple_of(RECONCILE_TICKS) { desk.reconcile() } else { Ok(()) };
            let _ = looked.and_then(|()| desk.deliver());
        };
        let _ = tokio::task::spawn_blocking(work).await;
    }
}

/// Forgets how often addresses asked, also when nobody asks any more, and however long a sweep takes.
async fn forget(collector: Arc<Collector>) {
    let mut ticks = tokio::time::interval(SWEEP_TIME);
    loop {
        ticks.tick().await;
        collector.limits().forget(Instant::now());
    }
}

/// Closes windows as the clock passes them, and once a day makes small what was closed.
async fn sweep(collector: Arc<Collector>) {
    let mut ticks = tokio::time::interval(SWEEP_TIME);
    for minute in 1_u64.. {
        ticks.tick().await;
        collector.sweep().await;
        if minute.is_multiple_of(COMPACT_TICKS) {
            let _ = collector.store().compact().await;
        }
    }
}
