// What crosses between TypeScript and the engine. `src/convert.rs` is the other side of every shape here.

/** What a person can allow or refuse, each on its own. */
export type Purpose = "segmentation" | "storage" | "reporting" | "sharing";

/** A person's answer for one purpose; nothing is allowed until it is `granted`. */
export type Choice = "granted" | "denied" | "pending";

/** The choice for every purpose. */
export type ConsentState = { readonly [P in Purpose]: Choice };

/** A change of some choices; purposes left out keep theirs. */
export type ConsentChange = { readonly [P in Purpose]?: Choice };

/** A value of an event's property. */
export type Scalar = number | string | boolean;

/** A segment entered or left. */
export interface SegmentChange {
  readonly segment: string;
  readonly kind: "entered" | "left";
  readonly at: number;
}

/** A segment the device is in, and since when. */
export interface Membership {
  /** The segment's id in the pack. */
  readonly id: string;
  /** When it was entered, in milliseconds since 1970. */
  readonly since: number;
}

/** What became of handing one report to the collector. */
export type Outcome = "accepted" | "refused" | "failed";

/** Why no report was made or sent. */
export type Withheld =
  // Said by the engine.
  | "no_plan"
  | "no_consent"
  | "storage_needed"
  | "not_due"
  | "cool_down"
  | "answered"
  | "budget"
  | "expired"
  | "clock_behind"
  | "no_entropy"
  // Said by this layer.
  | "no_collector"
  | "not_durable"
  | "dropped"
  | "offline"
  | "refused"
  | "paused"
  | "not_running";
export type Explanation = unknown; export type LedgerEntry = unknown; export type Budget = unknown;
/** One report. */
export interface Report { readonly id: string; readonly body: Uint8Array; readonly describe: unknown; }
