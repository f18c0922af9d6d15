// What a signal is to the one who follows it: something that may come later, and then says a verdict for each gate.
import type { Purpose } from "../dto.js";
import type { ConsentManagers } from "./index.js";
import type { Codes } from "./mapping.js";
import type { Verdict } from "./rule.js";

/** One verdict for every gate the signal concerns, or one for each gate; what throws is a no. */
export type Says = Verdict | ((gate: Purpose) => Verdict);

/** What a signal is read with, and to whom it is told. */
export interface Hearing {
  readonly codes: Codes;
  readonly vendor: number | undefined;
  /** Where TCF and GPP are reached; by default where a page has them. */
  readonly managers: ConsentManagers | undefined;
  /** Aborted when nobody listens any more. */
  readonly over: AbortSignal;
  tell(says: Says): void;
}

/** Reads a signal anew and tells what it says; resolves to whether there was an answer. */
export type Again = () => boolean | Promise<boolean>;

/** Begins to listen to a signal, and returns what asks it again; false while there is none. What throws is a no. */
export type Source = (hearing: Hearing) => Again | false;
