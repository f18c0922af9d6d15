//! Answers that come before the body of their request was read.
//!
//! What is left of such a body stands where the next request would begin, so the connection ends with the answer; the answer says so
//! (RFC 9112, section 9.6), or whoever asks again over the same connection hears nothing.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use hyper::Request;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tower::Service as _;

/// Answers a request, and says where the connection ends with it.
pub(crate) async fn answer(mut router: Router, request: Request<Incoming>) -> Result<Response, Infallible> {
    let read = Arc::new(AtomicBool::new(request.body().is_end_stream()));
    let watched = request.map(|body| Watched { body, read: Arc::clone(&read) });
    let mut response = router.call(watched).await?;
    if !read.load(Relaxed) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// A body that notes when it was read to its end.
struct Watched {
    body: Incoming,
    read: Arc<AtomicBool>,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) || self.body.is_end_stream() {
            self.read.store(true, Relaxed);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
