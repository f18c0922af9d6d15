//! The mechanism, the making of labels, the randomness of both, and what goes through a relay: a module of its own that is loaded when a
//! report or labels may be due.

use js_sys::{Array, Uint8Array};
use keepset_engine::{Due, NoCoins, Offer, Pack};
use keepset_wire::oblivious::{Exchange, GatewayKey, Request, Response};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::error;
use crate::host::entropy;
use crate::time;

/// Decides on what `Core.due` gave, for `Core.decided`: draws the moment of the window, or charges and draws the report, or says
/// why neither.
///
/// # Errors
/// When the bytes are none of `Core.due`.
#[wasm_bindgen]
pub fn decide(due: &[u8]) -> Result<Vec<u8>, JsValue> {
    let due = Due::from_bytes(due).ok_or_else(|| error("argument", "these bytes are not from Core.due"))?;
    let decided = match entropy::open() {
        Ok(coins) => due.decide(coins),
        Err(_) => due.without_entropy(),
    };
    Ok(decided.to_bytes())
}

/// Tells whether a compiled pack names a key of a gateway for `now`, without which nothing can go through a relay.
#[wasm_bindgen(js_name = hasGateway)]
#[must_use]
pub fn has_gateway(pack: &[u8], now: f64) -> bool {
    key(pack, now).is_some()
}

fn key(pack: &[u8], now: f64) -> Option<GatewayKey> {
    Pack::gateway(pack, time::instant(now).ok()?)
}

/// Encapsulates a request for the gateway of a compiled pack, anew at every call. `head` is method, scheme, authority, path,
/// content type and authorization, a line each, and the last one empty where there is none. Returns what goes to the relay, and what [`decapsulate`] opens the answer with.
///
/// # Errors
/// When the pack names no key for `now`, the head is none, or there is no randomness.
#[wasm_bindgen]
pub fn encapsulate(pack: &[u8], now: f64, head: &[u8], content: &[u8]) -> Result<Array, JsValue> {
    let entropy = entropy::secret().map_err(|_| error("no_entropy", "no randomness to encapsulate with"))?;
    let begin = || {
        let mut lines = head.split(|byte| *byte == b'\n');
        let mut line = || lines.next();
        let (method, scheme, authority) = (line()?, line()?, line()?);
        let (path, kind, authorization) = (line()?, line()?, line()?);
        let request = Request { method, scheme, authority, path, kind, authorization, content };
        Exchange::begin(key(pack, now)?, &request, entropy)
    };
    let (request, exchange) =
        begin().ok_or_else(|| error("argument", "nothing to encapsulate, or no key"))?;
    Ok(Array::of2(&Uint8Array::from(&*request), &Uint8Array::from(&*exchange.to_bytes())))
}

/// Opens the answer to a request of [`encapsulate`] and returns its status, content type, `retry-after` and content; nothing
/// when it is not one that the gateway gave to this request.
#[wasm_bindgen]
#[must_use]
pub fn decapsulate(exchange: &[u8], answer: &[u8]) -> Option<Array> {
    let message = Exchange::from_bytes(exchange)?.open(answer)?;
    let answer = Response::decode(&message)?;
    let field = |name| Uint8Array::from(answer.field(name).unwrap_or_default());
    let content = Uint8Array::from(&*answer.content);
    Some(Array::of4(&answer.status.into(), &field("content-type"), &field("retry-after"), &content))
}

/// Decides on labels, for `Core.decided`: takes back what is no longer agreed to, draws a name or a moment, or makes a message.
/// `within`: the segments the device is in, with a space between two. `arrived`: the last message has, or there was none.
///
/// # Errors
/// When the pack is none, or `now` is no instant.
#[wasm_bindgen]
pub fn share(
    pack: &[u8],
    kept: &[u8],
    granted: bool,
    within: &str,
    arrived: bool,
    now: f64,
) -> Result<Vec<u8>, JsValue> {
    let now = time::instant(now)?;
    let offer = Offer::new(pack, kept, granted, within, arrived, now)
        .ok_or_else(|| error("argument", "these bytes are no compiled pack"))?;
    let offered = match entropy::open() {
        Ok(coins) => offer.decide(coins),
        Err(_) => offer.decide(NoCoins),
    };
    Ok(offered.to_bytes())
}
