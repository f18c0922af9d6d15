// The glue that wasm-bindgen writes beside `report.wasm`, the mechanism, its randomness and the seals, with what makes labels and what sends
// through a relay. `build.mjs` makes it a file of its own, loaded when a report or labels may be due; the workspace's `src/report.rs` is its source.

/** Instantiates the module. Called again, it binds all of this to another instance. */
export function initSync(options?: { module: WebAssembly.Module }): unknown;

/** Decides on what `Core.due` gave, for `Core.decided`. */
export function decide(due: Uint8Array): Uint8Array;

/** Whether a compiled pack names a key of a gateway for now, without which nothing can go through a relay. */
export function hasGateway(pack: Uint8Array, now: number): boolean;

/**
 * Encapsulates a request for the gateway of a compiled pack: what goes to the relay, and what opens the answer. `head`: method,
 * scheme, authority, path, content type and authorization, a line each, the last one empty where there is none.
 */
export function encapsulate(pack: Uint8Array, now: number, head: Uint8Array, content: Uint8Array): [request: Uint8Array, exchange: Uint8Array];

/** Opens the answer to a request; nothing when it is none of the gateway to this request. */
export function decapsulate(exchange: Uint8Array, answer: Uint8Array): [status: number, type: Uint8Array, retryAfter: Uint8Array, content: Uint8Array<ArrayBuffer>] | undefined;

/** Decides on labels, for `Core.decided`. `within`: the segments, with a space between two. `arrived`: the last message has. */
export function share(pack: Uint8Array, kept: Uint8Array, granted: boolean, within: string, arrived: boolean, now: number): Uint8Array;

export { Sender } from "./sender.js";
export { shareLabels } from "./sharing.js";
