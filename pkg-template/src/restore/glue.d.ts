// The glue that wasm-bindgen writes beside `restore.wasm`; the workspace's `src/restore.rs` is its source.

/** Instantiates the module. Called again, it binds all of this to another instance. */
export function initSync(options?: { module: WebAssembly.Module }): unknown;

/** What `copy` has counted, with the choices of `fresh` and every window up to `now` counted as answered; `undefined` when one of them is no state of this pack. */
export function recover(pack: Uint8Array, copy: Uint8Array, fresh: Uint8Array, now: number): Uint8Array | undefined;
