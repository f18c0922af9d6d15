// The glue that wasm-bindgen writes beside `report.wasm`: the mechanism and its randomness. `build.mjs` makes it a file of
// its own, loaded when a report may be due; the workspace's `src/report.rs` is its source.

/** Instantiates the module once; later calls change nothing. */
export function initSync(options: { module: WebAssembly.Module }): unknown;

/** Decides on what `Core.due` gave, for `Core.decided`. */
export function decide(due: Uint8Array): Uint8Array;
