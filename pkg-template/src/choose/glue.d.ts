// The glue that wasm-bindgen writes beside `choose.wasm`; the workspace's `src/choose.rs` is its source.

/** Instantiates the module. Called again, it binds all of this to another instance. */
export function initSync(options?: { module: WebAssembly.Module }): unknown;

/** Names what a choice is decided by, with a space between two; `undefined` when the pack has no such choice. */
export function reads(pack: Uint8Array, choice: string): string | undefined;

/** Decides: variant, reason, settled arm, what became of it, begun arm and round, with a space between two and `-` for what there is not. */
export function choose(pack: Uint8Array, choice: string, within: string, values: Float64Array, seed: Uint8Array): string | undefined;
