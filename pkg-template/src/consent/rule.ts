// The one rule by which signals are joined: a no outweighs a wait, a wait outweighs a yes, and silence decides nothing.
import type { Choice, Purpose } from "../dto.js";
import { PURPOSES } from "../input.js";

/** What a signal says about a gate; nothing when it does not concern it. */
export type Verdict = Choice | undefined;

/** Something for each gate. */
export function each<T>(of: (gate: Purpose) => T): { [P in Purpose]: T } {
  return Object.fromEntries(PURPOSES.map((gate) => [gate, of(gate)])) as { [P in Purpose]: T };
}

/** The most restrictive of some verdicts; nothing when none says anything. */
export function strictest(verdicts: readonly Verdict[]): Verdict {
  return (["denied", "pending", "granted"] as const).find((verdict) => verdicts.includes(verdict));
}
