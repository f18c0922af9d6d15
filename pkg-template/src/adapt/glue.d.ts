// The glue that wasm-bindgen writes beside `adapt.wasm`; the workspace's `src/adapt.rs` is its source.

/** Instantiates the module. Called again, it binds all of this to another instance. */
export function initSync(options?: { module: WebAssembly.Module }): unknown;

/** Four lines of names: what is read, the numbers of a round that begins and of one that is settled, what they are of; `undefined` when no model of this name adapts. */
export function adapted_names(pack: Uint8Array, model: string): string | undefined;

/** The shipped score, the adapted one, outcomes learned from, rounds, whether one is settled and one begins, the numbers of both. */
export function adapt(pack: Uint8Array, model: string, within: string, values: Float64Array): Float64Array | undefined;

/** The numbers that settle the round that runs without learning from it; `undefined` where none runs. */
export function broken_off(pack: Uint8Array, model: string, values: Float64Array): Float64Array | undefined;
