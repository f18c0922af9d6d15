// The glue that wasm-bindgen writes beside `core.wasm`, as far as this package uses it. `build.mjs` puts the real one in
// its place; the workspace's `src/core.rs` is its source.
import type {
  Budget,
  ConsentChange,
  ConsentState,
  FeatureValue,
  Intake,
  LedgerEntry,
  Membership,
  Outcome,
  Report,
  Scalar,
  SegmentChange,
  Withheld,
} from "./dto.js";

/** Instantiates the module once; later calls change nothing. */
export function initSync(options: { module: WebAssembly.Module }): unknown;

/** One profile's engine. Times are milliseconds since 1970. */
export class Core {
  /** `pack`: compiled. `zone`: pairs of the millisecond from which an offset holds and its minutes east of UTC. */
  constructor(pack: Uint8Array, stored: Uint8Array | undefined, zone: Float64Array, now: number);
  readonly startedFrom: "nothing" | "snapshot" | "unreadable";
  track(name: string, properties: Readonly<Record<string, Scalar>>, at: number, id: string | undefined, now: number): SegmentChange[];
  tick(now: number): SegmentChange[];
  nextTick(now: number): number | undefined;
  memberships(): Membership[];
  features(now: number): FeatureValue[];
  intake(): Intake;
  setZone(zone: Float64Array, now: number): SegmentChange[];
  consent(): ConsentState;
  setConsent(change: ConsentChange, now: number): SegmentChange[];
  /** What `decide` of the report part is to decide on, or why there is no report now. */
  due(now: number): Uint8Array | Withheld;
  /** Takes in what was decided on `due` within the same turn. */
  decided(decided: Uint8Array): "queued" | Withheld;
  pending(): Report | undefined;
  nextUpload(now: number): { id: string; body: Uint8Array } | undefined;
  uploaded(id: string, outcome: Outcome): void;
  /** `appends`: the bytes go behind what is stored; else they take its place. */
  save(): { revision: number; appends: boolean; bytes: Uint8Array } | undefined;
  /** The whole state as it stands, for the study part; never to be stored. */
  copy(): Uint8Array;
  rewrite(): void;
  stored(revision: number): void;
  ledger(): LedgerEntry[];
  budget(now: number): Budget | undefined;
  erase(now: number): SegmentChange[];
  free(): void;
}
