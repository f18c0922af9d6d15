// What crosses between TypeScript and the engine. `src/dto.rs` is the other side of the shapes here.

/** What a person can allow or refuse, each on its own. */
export type Purpose = "segmentation" | "storage" | "reporting" | "sharing";

/** A person's answer for one purpose; nothing is allowed until it is `granted`. */
export type Choice = "granted" | "denied" | "pending";

/** The choice for every purpose. */
export type ConsentState = { readonly [P in Purpose]: Choice };

/** A choice, and since when it stands, in milliseconds since 1970; 0 before anything was said. */
export interface Standing {
  readonly choice: Choice;
  readonly since: number;
}

/** The signals by which a yes can reach the engine: the page's own word, IAB TCF, IAB GPP, Google Consent Mode. A label says which it was. */
export type GrantedBy = "page" | "tcf" | "gpp" | "gcm";

/** A change of some choices; purposes left out keep theirs. */
export type ConsentChange = { readonly [P in Purpose]?: Choice };

/** A value of an event's property. */
export type Scalar = number | string | boolean;

/** An event as the engine takes it in. */
export interface EventInput {
  readonly name: string;
  readonly properties: Readonly<Record<string, Scalar>>;
  /** When it happened, in milliseconds since 1970. */
  readonly at: number;
  /** Names it: of events with one id only the first counts. */
  readonly id?: string;
}

/** A segment entered or left, and why. */
export interface SegmentChange {
  readonly segment: string;
  readonly kind: "entered" | "left";
  /** When, in milliseconds since 1970. */
  readonly at: number;
  /**
   * What made it so: an event, time alone, a choice of the person, an erasure (`reset`, or nothing happened for as long
   * as the pack keeps things), the pack's end, the membership's own, another segment of its group, or the start.
   */
  readonly cause: "event" | "time" | "consent" | "erased" | "expired" | "ttl" | "group" | "start";
  /** The event or the segment that did it. */
  readonly by?: string;
  /** The conditions that decided, in one sentence; empty where no rule did. */
  readonly because: string;
}

/** The value of a feature. */
export interface FeatureValue {
  /** The feature's id in the pack. */
  readonly id: string;
  readonly title: string;
  /** The value now; absent while there is none. */
  readonly value?: number;
  /** What the value stands for, where it is the number of a label. */
  readonly label?: string;
}

/** What became of the events so far. Counts only. */
export interface Intake {
  /** Taken in. */
  readonly accepted: number;
  /** Taken in, although a later one had come before. */
  readonly late: number;
  /** Dropped: an event of the same id had come. */
  readonly duplicates: number;
  /** Dropped: the pack declares no event of this name. */
  readonly undeclaredEvents: number;
  /** Properties dropped: the pack does not declare them. */
  readonly undeclaredProperties: number;
  /** Refused: a property broke its declaration. */
  readonly refused: number;
  /** Rows of memory given up to keep the profile within its size. */
  readonly evicted: number;
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
  /** Segmentation or reporting is not granted; or it was not confirmed at the moment of handing out. */
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
  /** The pack names no key of the collector to seal a report to at this time; where there is a relay, none of its gateway. */
  | "no_key"
  /** The part of the package that makes reports could not be loaded; it is tried again. */
  | "not_loaded"
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
  /** The budget of bytes of this page is spent, or its browser saves data (`keepset/stats`): it waits. */
  | "over_budget"
  | "saves_data"
  /** The client is paused. */
  | "paused"
  /** The client never started, failed, or was destroyed. */
  | "not_running";

/**
 * One line of the ledger: what was written down before anything left, and, beside it, what became of it. The fields up to
 * `before` are a receipt, which never changes; `hash` is over all of them, and the next receipt holds it (docs/ledger.md).
 */
export interface Report {
  /** Its place in the chain, from 0. */
  readonly number: number;
  /** When it was drawn, charged and written down, in milliseconds since 1970. */
  readonly at: number;
  /** What leaves: a report; the segments the person agreed to share; or the word that those are to be erased. */
  readonly kind: "report" | "label" | "erasure";
  /** The purpose whose gate it passed. */
  readonly purpose: "reporting" | "sharing";
  /** The hash of the public plan that permits it, in hexadecimal. */
  readonly plan: string;
  /** The hash of the pack that was in force, in hexadecimal. */
  readonly pack: string;
  /** The id of the question it answers. */
  readonly question: string;
  /** The window of the plan it answers for. */
  readonly window: number;
  /** The mechanism that drew the noise, with its parameters. */
  readonly mechanism: string;
  /** What it cost. */
  readonly epsilon: number;
  /** The consent it relied on, gate by gate. */
  readonly consent: { readonly [P in Purpose]: Standing };
  /** The SHA-256 of the exact bytes that leave, in hexadecimal. */
  readonly sha256: string;
  /** How many bytes that is. */
  readonly size: number;
  /** The hash of the receipt before, in hexadecimal; zeros before the first. */
  readonly before: string;
  /** The hash of this receipt, in hexadecimal. */
  readonly hash: string;
  /** The random number that names this report and nothing else, in hexadecimal. */
  readonly id: string;
  /** After this instant it is not sent any more. */
  readonly until: number;
  /** What became of it. */
  readonly outcome: "waiting" | "accepted" | "refused" | "withdrawn" | "expired";
  /** How often it was sent without a known end. */
  readonly attempts: number;
  /** The report itself, as the collector reads it; empty once it was erased. */
  readonly body: Uint8Array;
  /** The exact bytes that leave, the same at every attempt: the report, sealed so that only the collector can read it. Empty with it. */
  readonly sealed: Uint8Array;
}

/** A report in the device's own ledger. */
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
  /** Why the segment exists, in the pack's words, with the values of now filled in. */
  readonly reason: string;
  /** Whether the device is in. */
  readonly member: boolean;
  /** Since when, in milliseconds since 1970. */
  readonly since?: number;
  /** Who is out must meet the rule `enter`; who is in must meet `stay`. */
  readonly decidedBy: "enter" | "stay";
  /** The rule, part by part. */
  readonly condition: Condition;
  /** What else keeps the device where it is, beside the rule. */
  readonly held?: Held;
  /** What decided, in one sentence for who wrote the segment. */
  readonly sentence: string;
  /** The same for the device's own person. */
  readonly visitor: string;
  /** The nearest change that would turn the answer; absent when a year of waiting and twelve events would not. */
  readonly nearest?: Nearest;
}

/** What keeps a device in or out, whatever the rule says. */
export interface Held {
  /** `ttl`: the membership ended by age, and the next one needs a new occasion. */
  readonly by: "minimum_stay" | "cool_down" | "ttl" | "group";
  /** Until when, in milliseconds since 1970, where that is known. */
  readonly until?: number;
  /** The segment of its group that holds. */
  readonly segment?: string;
}

/** The nearest change that would turn an answer. */
export type Nearest =
  | {
      readonly kind: "event";
      readonly event: string;
      readonly title: string;
      /** How many more of them. */
      readonly times: number;
      /** What its number must come to each time, where that matters. */
      readonly amount?: number;
      /** From when on it would not be enough any more, in milliseconds since 1970. */
      readonly before?: number;
      readonly sentence: string;
    }
  | { readonly kind: "time"; readonly at: number; readonly sentence: string };

/** A part of a rule and whether it holds now. */
export type Condition =
  | { readonly kind: "all" | "any"; readonly holds: boolean; readonly parts: readonly Condition[] }
  | { readonly kind: "at_least"; readonly holds: boolean; readonly needed: number; readonly parts: readonly Condition[] }
  | { readonly kind: "not"; readonly holds: boolean; readonly part: Condition }
  | { readonly kind: "segment"; readonly holds: boolean; readonly id: string; readonly title: string }
  | {
      readonly kind: "experiment";
      readonly holds: boolean;
      readonly id: string;
      readonly title: string;
      /** The device's arm; absent while it has none. */
      readonly arm?: string;
      /** The arms that pass. */
      readonly arms: readonly string[];
    }
  | {
      readonly kind: "feature" | "model";
      readonly holds: boolean;
      readonly id: string;
      readonly title: string;
      /** The value now; absent when there is none yet. */
      readonly value?: number;
      /** What the value stands for, where it is the number of a label. */
      readonly label?: string;
      readonly op: "<" | "<=" | ">" | ">=" | "=" | "!=" | "between" | "in";
      /** What it is compared with: of `between` the lower bound, of `in` the first. */
      readonly threshold: number;
      /** All it is compared with, as people read it. */
      readonly thresholds: readonly string[];
      /** Of a model: what moves its score most, the strongest first. */
      readonly reasons?: readonly Reason[];
    };

/** What a feature adds to a model's score. */
export interface Reason {
  readonly feature: string;
  /** By how much it moves the score: of a linear model weight times value, of others the Shapley value. */
  readonly adds: number;
  readonly sentence: string;
}
