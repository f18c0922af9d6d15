// Google Consent Mode, version 2. It has no reader, so the commands to it are read as the page pushes them.
import { followLayer, type Layer } from "../layer.js";
import type { GcmType } from "./index.js";
import { type Verdict, strictest } from "./rule.js";
import type { Source } from "./source.js";

/** What is known of each type: the person's answers, and what holds until there is one. */
type Known = { readonly [A in "update" | "default"]: Map<GcmType, Verdict> };

/** Reads what was pushed, and what will be. Before the first consent command it has nothing to say. */
export const gcm: Source = ({ codes, over, tell }) => {
  const found: unknown = (globalThis as { dataLayer?: unknown }).dataLayer;
  if (!Array.isArray(found)) return false;
  const layer = found as Layer;
  const known: Known = { update: new Map(), default: new Map() };
  const read = (items: readonly unknown[]): void => {
    try {
      const taken = items.map((item) => take(item, known));
      if (taken.includes(true)) tell((gate) => strictest(codes.gcm(gate).map((type) => known.update.get(type) ?? known.default.get(type))));
    } catch {
      tell("denied");
    }
  };
  followLayer(layer, over, read);
  // What came in by another way than the list's `push` counts, too; what is no longer in it was read.
  return () => (read([...layer]), true);
};

/** Takes in one pushed item, and says whether it was about consent. */
function take(item: unknown, { update, default: initial }: Known): boolean {
  // By place: what looks like a list may be endless, or used up by being walked.
  const { 0: command, 1: action, 2: types } = Object(item) as { 0?: unknown; 1?: unknown; 2?: { [type: string]: unknown } };
  if (command !== "consent" || (action !== "default" && action !== "update")) return false;
  if (typeof types !== "object") throw new Error();
  for (const [type, value] of Object.entries(types) as [GcmType, unknown][]) {
    if (action === "update") update.set(type, value === "granted" ? "granted" : "denied");
    else initial.set(type, strictest([initial.get(type), untilAnswered(value, types.region !== undefined)]));
  }
  return true;
}

/** A refusal no one made is a wait. Which region this is only Google knows, so a yes for one is none. */
function untilAnswered(value: unknown, regional: boolean): Verdict {
  if (value === "granted") return regional ? undefined : "granted";
  return value === "denied" ? "pending" : "denied";
}
