// The glue that wasm-bindgen writes beside `sentiment.wasm`; the workspace's `src/sentiment.rs` is its source.

/** Instantiates the module. Called again, it binds all of this to another instance. */
export function initSync(options?: { module: WebAssembly.Module }): unknown;

/** Takes in a lexicon and returns its number; no bytes are the one for English. */
export function lexicon(bytes: Uint8Array): number;

/** Scores a text by the lexicon of a number. */
export function score(lexicon: number, text: string): number;
