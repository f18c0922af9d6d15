// What the entries for single consent managers share: categories that decide gates, and when their answers are asked for.
import type { Choice, Purpose } from "../dto.js";
import { PURPOSES } from "../input.js";
import type { ConsentSource } from "./index.js";
import { strictest } from "./rule.js";

/** The categories of a manager that decide each gate: all of a list have to be allowed. A gate without any is none of its business. */
export type Categories<Category extends string> = { readonly [P in Purpose]?: readonly Category[] };

/** @internal A manager as it is documented. Whatever throws, or answers with something else, is a no. */
export interface Manager {
  readonly name: string;
  /** Says whether it is there. */
  there(): unknown;
  /** Says whether a category is allowed: `true` is yes, `false` is no. */
  allows(category: string): unknown;
  /** Says whether the person has answered: before that a no is none yet. */
  answered(): unknown;
  /** Calls back when an answer may have changed, until `over` aborts. */
  watch(look: () => void, over: AbortSignal): void;
}

/** @internal Reads a manager by its categories. */
export function byCategory<Category extends string>(manager: Manager, categories: Categories<Category>): ConsentSource {
  const verdict = (category: string): Choice => {
    const allowed = manager.allows(category);
    if (allowed === true) return "granted";
    return allowed === false && manager.answered() === false ? "pending" : "denied";
  };
  return {
    name: manager.name,
    gates: PURPOSES.filter((gate) => categories[gate]?.length !== 0 && categories[gate] !== undefined),
    listen(tell, over) {
      if (!manager.there()) return false;
      const look = (): boolean => {
        if (!over.aborted) tell((gate) => strictest(categories[gate]?.map(verdict) ?? []) ?? "denied");
        return Boolean(manager.there());
      };
      manager.watch(look, over);
      look();
      return look;
    },
  };
}

/** @internal Calls back at each of these events of the window. */
export function atEvents(names: readonly string[], look: () => void, over: AbortSignal): void {
  for (const name of names) addEventListener(name, look, { signal: over });
}
