// `keepset/sentiment`: the sentiment of a text as a number, worked out where the text is. Nothing of the text is kept or sent.
import { bytesOf } from "../bytes.js";
import { fromEngine, KeepsetError } from "../errors.js";
import { either } from "../either.js";
import * as module from "./glue.js";
import type { WasmSource } from "../types.js";

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

const open = either({ name: "sentiment", glue: () => module, inline: () => import("../sentiment-inline.js") }, () => import("../nowasm-sentiment.js"));
/** The number of the lexicon for English, once somebody asked for it: every lexicon that is taken in is kept, by what took it in. */
const english = new Map<typeof module, number>();

/** Loads what texts are scored with. Rejects with a `KeepsetError` when it cannot be loaded or the lexicon is none. */
export async function sentiment(options: SentimentOptions = {}): Promise<Sentiment> {
  const glue = await open(options.wasm);
  const number = options.lexicon === undefined ? (english.get(glue) ?? glue.lexicon(new Uint8Array())) : take(glue, options.lexicon);
  if (options.lexicon === undefined) english.set(glue, number);
  return {
    score(text) {
      if (typeof text !== "string") throw new KeepsetError("invalid_argument", "`score` wants a text.");
      return glue.score(number, text);
    },
  };
}

/** Takes in somebody's own lexicon and returns its number. */
function take(glue: typeof module, given: unknown): number {
  const bytes = bytesOf(given);
  if (!bytes || bytes.length === 0) throw new KeepsetError("invalid_options", "`lexicon` wants the bytes of a lexicon.");
  try {
    return glue.lexicon(bytes);
  } catch (error) {
    throw fromEngine(error, "invalid_options", "`lexicon`: ");
  }
}
