// The glue that wasm-bindgen writes beside `core.wasm`, as far as this package uses it. `build.mjs` puts the real one in
// its place; the workspace's `src/core.rs` is its source.
import type {
  Budget,
  ConsentChange,
  ConsentState,
  FeatureValue,
  Intake,
  LedgerEntry,
  Outcome,
  Report,
  Withheld,
} from "./dto.js";

/** Instantiates the module once; later calls change nothing. */
export function initSync(options?: { module: WebAssembly.Module }): unknown;

/** Changes, one behind the other; `profile.ts` reads them. */
type Changes = Float64Array | undefined;

/** One profile's engine. Times are milliseconds since 1970. */
export class Core {
  /** `pack`: compiled. `zone`: pairs of the millisecond from which an offset holds and its minutes east of UTC. */
  constructor(pack: Uint8Array, stored: Uint8Array | undefined, zone: Float64Array, now: number);
  readonly startedFrom: "nothing" | "snapshot" | "unreadable";
  rules(): Rules;
  take(spec: number, values: Float64Array, texts: readonly string[], undeclared: number, at: number, id: string | undefined, now: number): Changes;
  pass(now: number): Changes;
  nextTick(now: number): number | undefined;
  /** By segment: since when the device is in it; not a number where it is not. */
  standings(): Float64Array;
  features(now: number): FeatureValue[];
  intake(): Intake;
  travel(zone: Float64Array, now: number): Changes;
  consent(): ConsentState;
  /** `signal`: by number, where the choices come from. */
  choose(change: ConsentChange, signal: number, now: number): Changes;
  /** What `decide` of the report part is to decide on, or why there is no report now. */
  due(now: number): Uint8Array | Withheld;
  /** Takes in what was decided on `due` within the same turn. */
  decided(decided: Uint8Array): "queued" | Withheld;
  /** What is kept about labels, for `share` of the report part, if they are to be decided on now; `decided` takes in what was. */
  labels(now: number): Uint8Array | undefined;
  pending(): Report | undefined;
  /** What may leave at this moment. */
  nextUpload(now: number): Report | undefined;
  uploaded(number: number, outcome: Outcome): void;
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
