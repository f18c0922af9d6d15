// The one rule by which signals are joined: a no outweighs a wait, a wait outweighs a yes, and silence decides nothing.
import type { Choice, Purpose } from "../dto.js";

/** What a signal says about a gate; nothing when it does not concern it. */
export type Verdict = Choice | undefined;

/** Every gate. */
export const GATES: readonly Purpose[] = ["segmentation", "storage", "reporting", "sharing"];

/** Something for each gate. */
export function each<T>(of: (gate: Purpose) => T): { [P in Purpose]: T } {
  return Object.fromEntries(GATES.map((gate) => [gate, of(gate)])) as { [P in Purpose]: T };
}

/** The most restrictive of some verdicts; nothing when none says anything. */
export function strictest(verdicts: readonly Verdict[]): Verdict {
  return (["denied", "pending", "granted"] as const).find((verdict) => verdicts.includes(verdict));
}
