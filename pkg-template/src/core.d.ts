// The glue that wasm-bindgen writes beside `core.wasm` and, the same, beside `core-full.wasm`, as far as this package uses it. `build.mjs` puts the real one in
// its place; the workspace's `src/core.rs` is its source.
import type {
  Budget,
  ConsentState,
  FeatureValue,
  Intake,
  LedgerEntry,
  Report,
  Withheld,
} from "./dto.js";

/** What is bound to one module. */
export interface Glue {
  /** Instantiates the module. Called again, it binds all of this to another instance. */
  initSync(options?: { module: WebAssembly.Module }): unknown;
  Core: typeof Core;
}

/** Makes what is to be bound to a module: each has its own memory. */
export function bind(): Glue;

/** Changes, one behind the other; `profile.ts` reads them. */
type Changes = Float64Array | undefined;

/** One profile's engine. Times are milliseconds since 1970. */
export class Core {
  /**
   * `pack`: compiled. `zone`: pairs of the millisecond from which an offset holds and its minutes east of UTC. `drawn`: twice 32 bytes of
   * the page's own randomness, where it has any.
   */
  constructor(pack: Uint8Array, stored: Uint8Array | undefined, zone: Float64Array, now: number, drawn: Uint8Array);
  /** What was stored could not be read. */
  readonly unreadable: boolean;
  rules(): Rules;
  /** `named`: the last text is the event's id. */
  take(spec: number, values: Float64Array, texts: readonly string[], undeclared: number, at: number, named: boolean, now: number): Changes | Error;
  pass(now: number): Changes;
  nextTick(now: number): number | undefined;
  /** By segment: since when the device is in it; not a number where it is not. */
  standings(): Float64Array;
  features(now: number): FeatureValue[];
  intake(): Intake;
  travel(zone: Float64Array, now: number): Changes | Error;
  consent(): ConsentState;
  /** Choices: 0 as it was, 1 granted, 2 denied, 3 pending. `signal`: by number, where they come from. */
  choose(segmentation: number, storage: number, reporting: number, sharing: number, signal: number, now: number): Changes;
  /** What `decide` of the report part is to decide on, or why there is no report now. */
  due(now: number): Uint8Array | Withheld;
  /** Takes in what was decided on `due` within the same turn. */
  decided(decided: Uint8Array): "queued" | Withheld | Error;
  /** What is kept about labels, for `share` of the report part, if they are to be decided on now; `decided` takes in what was. */
  labels(now: number): Uint8Array | undefined;
  pending(): Report | undefined;
  /** What may leave at this moment. */
  nextUpload(now: number): Report | undefined;
  /** `outcome`: 0 accepted, 1 refused, else not known to have ended. */
  uploaded(number: number, outcome: number): void;
  /** `appends`: the bytes go behind what is stored; else they take its place. */
  save(): { revision: number; appends: boolean; bytes: Uint8Array } | undefined;
  /** The whole state as it stands, for the study part; never to be stored. */
  copy(): Uint8Array;
  rewrite(): void;
  stored(revision: number): void;
  ledger(): LedgerEntry[];
  budget(now: number): Budget | undefined;
  forget(now: number): Changes;
  free(): void;
}

/** What a pack calls things, and how it says why; it outlives the engine it comes from. */
export class Rules {
  /** The events, each with its properties; the segments. */
  names(): [events: [name: string, ...properties: string[]][], segments: string[]];
  /** Takes the numbers of one change. */
  because(change: Float64Array): string;
}
