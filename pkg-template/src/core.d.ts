// The module that wasm-bindgen writes beside `core.wasm`, as far as this package uses it. `build.mjs` puts the real
// one in its place; the workspace's `src/core.rs` is its source.
import type {
  Budget,
  ConsentChange,
  ConsentState,
  Explanation,
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
  constructor(pack: string, stored: Uint8Array | undefined, now: number);
  readonly startedFrom: "nothing" | "snapshot" | "unreadable";
  track(name: string, properties: Record<string, Scalar>, at: number, now: number): SegmentChange[];
  tick(now: number): SegmentChange[];
  nextTick(now: number): number | undefined;
  memberships(): Membership[];
  explain(segment: string, now: number): Explanation | undefined;
  consent(): ConsentState;
  setConsent(change: ConsentChange, now: number): SegmentChange[];
  prepare(now: number): "queued" | Withheld;
  pending(): Report | undefined;
  nextUpload(now: number): { id: string; body: Uint8Array } | undefined;
  uploaded(id: string, outcome: Outcome): void;
  save(): { revision: number; bytes: Uint8Array } | undefined;
  stored(revision: number): void;
  ledger(): LedgerEntry[];
  budget(now: number): Budget | undefined;
  erase(now: number): SegmentChange[];
  free(): void;
}
