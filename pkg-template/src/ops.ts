import type { ConsentChange, ConsentState, EventInput, Membership, Outcome, Report, SegmentChange } from "./dto.js";
import type { ErrorCode } from "./errors.js";

/** Everything a tab can ask of the one that holds the engine. It crosses between tabs as it is. */
export type Op =
  | { do: "track"; events: EventInput[]; debug: boolean }
  | { do: "consent"; change: ConsentChange; signal: number }
  | { do: "explain"; segment: string }
  | { do: "simulate"; events: readonly EventInput[] }
  | { do: "features" }
  | { do: "pack" }
  | { do: "ledger" }
  | { do: "budget" }
  | { do: "next" }
  | { do: "preview" }
  | { do: "flush" }
  | { do: "export" }
  | { do: "stats" }
  | { do: "reset" }
  | { do: "deleteAll" };

/** What a page can see of the engine at one moment. */
export interface View {
  readonly segments: readonly Membership[];
  readonly consent: ConsentState;
  readonly updatedAt: number;
}

/** The steps to a view; made by a function for who reads them, where there are any. */
export type Steps = readonly SegmentChange[] | (() => readonly SegmentChange[]);

/** Makes the steps. */
export const stepsOf = (steps: Steps): readonly SegmentChange[] => (typeof steps === "function" ? steps() : steps);

/** What the engine's holder tells every tab. */
export type Notice =
  | { is: "view"; view: View; steps: Steps }
  | { is: "consent"; state: ConsentState }
  | { is: "report"; report: Report; outcome: Outcome; at: number }
  | { is: "undeclared"; name: string; to: string }
  | { is: "error"; code: ErrorCode; message: string; cause?: unknown; to?: string };

/** A call and who made it: a tab sends it again until it is answered, and it is done once. */
export interface Signed {
  readonly op: Op;
  /** The tab, by a name it drew for itself when it was opened. */
  readonly from: string;
  /** Counts up within a tab. */
  readonly id: number;
}

/** The engine was taken from this tab: whoever holds it next does the work again. */
export class Gone extends Error {}
