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
  /** The pack asks nothing. */
  | "no_plan"
  /** Segmentation or reporting is not granted. */
  | "no_consent"
  /** Storage is not granted, so no charge could be kept. */
  | "storage_needed"
  /** The plan has not started or has ended. */
  | "plan_not_live"
  /** The clock stands before an instant already seen. */
  | "clock_behind"
  /** This window is answered, or the device is new and waits for the next one. */
  | "answered"
  /** The moment drawn for this window has not come. */
  | "not_due"
  /** The year's allowance is spent. */
  | "budget"
  /** The device has no source of randomness. */
  | "no_entropy"
  /** The plan is larger than this engine can answer. */
  | "mechanism"
  /** No collector was named. */
  | "no_collector"
  /** The storage has not confirmed the charge. */
  | "not_durable"
  /** `beforeSend` dropped it. */
  | "dropped"
  /** The collector could not be reached; the same bytes are sent again later. */
  | "offline"
  /** The collector refused it. */
  | "refused"
  /** The client is paused. */
  | "paused"
  /** The client never started, failed, or was destroyed. */
  | "not_running";

/** One report of this device: the exact bytes, what they cost, and what became of them. */
export interface Report {
  /** The random number that names this report and nothing else, in hexadecimal. */
  readonly id: string;
  /** When it was drawn and charged, in milliseconds since 1970. */
  readonly at: number;
  /** The hash of the public plan it answers, in hexadecimal. */
  readonly plan: string;
  /** The id of the question it answers. */
  readonly question: string;
  /** The window of the plan it answers for. */
  readonly window: number;
  /** What it cost. */
  readonly epsilon: number;
  /** After this instant it is not sent any more. */
  readonly until: number;
  /** What became of it. */
  readonly outcome: "waiting" | "accepted" | "refused" | "withdrawn" | "expired";
  /** How often it was sent without a known end. */
  readonly attempts: number;
  /** The exact bytes, the same at every attempt; empty once they were erased. */
  readonly body: Uint8Array;
}

/** A report in the device's own record. */
export type LedgerEntry = Report;

/** The privacy budget, in epsilon. A window may cost one report. */
export interface Budget {
  /** The price of one report. */
  readonly perReport: number;
  /** Spent in this window. */
  readonly spentInWindow: number;
  /** Spent in the last 365 days. */
  readonly spent: number;
  /** The most 365 days may cost. */
  readonly limit: number;
}

/** Why the device is in a segment, or out of it. */
export interface Explanation {
  readonly segment: string;
  readonly title: string;
  /** Why the segment exists, in the pack's words. */
  readonly reason: string;
  /** Whether the device is in. */
  readonly member: boolean;
  /** Since when, in milliseconds since 1970. */
  readonly since?: number;
  /** Who is out must meet the rule `enter`; who is in must meet `stay`. */
  readonly decidedBy: "enter" | "stay";
  /** The rule, part by part. */
  readonly condition: Condition;
}

/** A part of a rule and whether it holds now. */
export type Condition =
  | { readonly kind: "all" | "any"; readonly holds: boolean; readonly parts: readonly Condition[] }
  | { readonly kind: "not"; readonly holds: boolean; readonly part: Condition }
  | { readonly kind: "segment"; readonly holds: boolean; readonly id: string; readonly title: string }
  | {
      readonly kind: "feature" | "model";
      readonly holds: boolean;
      readonly id: string;
      readonly title: string;
      /** The value now; absent when there is none yet. */
      readonly value?: number;
      readonly op: "<" | "<=" | ">" | ">=" | "=";
      readonly threshold: number;
    };
