import type { WasmSource } from "./index.js";
/** What texts are scored with. */
export interface SentimentOptions {
    /** A lexicon that `keepset sentiment train` wrote; the one for English is in the package. */
    lexicon?: ArrayBuffer | Uint8Array;
    /** Where `sentiment.wasm` comes from; left out, the copy inside the package is taken. Where WebAssembly is forbidden, the same runs as JavaScript. */
    wasm?: WasmSource | Promise<WasmSource>;
}
/** Scores texts. */
export interface Sentiment {
    /**
     * Returns how a text feels: from -1, a complaint, to 1, praise; 0 says nothing or as much of both. At most its first 2,000 words and marks are read.
     *
     * Hand the number to `track` as a property from -1 to 1, and let go of the text.
     */
    score(text: string): number;
}
/** Loads what texts are scored with. Rejects with a `KeepsetError` when it cannot be loaded or the lexicon is none. */
export declare function sentiment(options?: SentimentOptions): Promise<Sentiment>;
