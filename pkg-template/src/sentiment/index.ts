// `keepset/sentiment`: the sentiment of a text as a number, worked out where the text is. Nothing of the text is kept or sent.
import { bytesOf } from "../bytes.js";
import { fromEngine, KeepsetError } from "../errors.js";
import { loader } from "../loader.js";
import { hasWebAssembly } from "../support.js";
import * as glue from "./glue.js";
import type { WasmSource } from "../types.js";

/** What texts are scored with. */
export interface SentimentOptions {
  /** A lexicon that `keepset sentiment train` wrote; the one for English is in the package. */
  lexicon?: ArrayBuffer | Uint8Array;
  /** Where `sentiment.wasm` comes from; left out, the copy inside the package is taken. */
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

const open = loader({ name: "sentiment", glue: () => glue, inline: () => import("../sentiment-inline.js") });
/** The number of the lexicon for English, once somebody asked for it: every lexicon that is taken in is kept. */
let english: number | undefined;

/** Loads what texts are scored with. Rejects with a `KeepsetError` when WebAssembly is missing or the lexicon is none. */
export async function sentiment(options: SentimentOptions = {}): Promise<Sentiment> {
  if (!hasWebAssembly()) throw new KeepsetError("wasm_unsupported", "There is no WebAssembly here, so no text is scored.");
  await open(options.wasm);
  const number = options.lexicon === undefined ? (english ??= glue.lexicon(new Uint8Array())) : take(options.lexicon);
  return {
    score(text) {
      if (typeof text !== "string") throw new KeepsetError("invalid_argument", "`score` wants a text.");
      return glue.score(number, text);
    },
  };
}

/** Takes in somebody's own lexicon and returns its number. */
function take(given: unknown): number {
  const bytes = bytesOf(given);
  if (!bytes || bytes.length === 0) throw new KeepsetError("invalid_options", "`lexicon` wants the bytes of a lexicon.");
  try {
    return glue.lexicon(bytes);
  } catch (error) {
    throw fromEngine(error, "invalid_options", "`lexicon`: ");
  }
}
