// `keepset/choose`: which of a few approved variants to show, learned on the device from what this person did. Nothing of it leaves.
import { either } from "../either.js";
import { mayLearn, teller, valuesOf, within } from "../rounds.js";
import * as module from "./glue.js";
import type { Cancellable, Keepset, WasmSource } from "../types.js";

/** Why a variant is shown. `default`: nothing is learned, for want of consent, of chance to draw by, or of a context. */
export type ChosenFor = "default" | "holdout" | "explore" | "exploit";

/** What to show. */
export interface Chosen {
  readonly variant: string;
  readonly reason: ChosenFor;
}

/** How to choose. */
export interface ChooseOptions extends Cancellable {
  /** Where `choose.wasm` comes from; left out, the copy inside the package is taken. Where WebAssembly is forbidden, the same runs as JavaScript. */
  wasm?: WasmSource | Promise<WasmSource>;
}

const open = either({ name: "choose", glue: () => module, inline: () => import("../choose-inline.js") }, () => import("../nowasm-choose.js"));
const NO_CHANCE = new Uint8Array();
/** What stands for nothing. */
const NONE = "-";

/**
 * Returns the variant of a choice that the pack declares; the same until its round is over. `null` when the pack has no such choice, or
 * nothing can be computed here: show then what the page shows by itself.
 *
 * Without consent to `segmentation` and `storage` it is the default, and nothing is kept.
 */
export async function choose(client: Keepset, choice: string, options: ChooseOptions = {}): Promise<Chosen | null> {
  const pack = await client.pack(options);
  if (!pack) return null;
  const glue = await open(options.wasm);
  const name = String(choice);
  const reads = glue.reads(pack, name)?.split(" ");
  if (!reads) return null;

  const decide = async (seed: Uint8Array): Promise<readonly string[]> => {
    const values = mayLearn(client) ? await valuesOf(client, reads, options) : new Float64Array(reads.length).fill(NaN);
    // The pack has it: that was asked above.
    return glue.choose(pack, name, within(client), values, seed)!.split(" ");
  };
  const first = await decide(mayLearn(client) ? chance() : NO_CHANCE);
  const [, , settled, became, begun, round] = first;
  if (begun === NONE) return shown(first);
  const event = teller(client, name, round as string);
  if (settled !== NONE) event("settled", { arm: settled, won: became === "won" });
  event("shown", { arm: begun, why: first[1] });
  // What was taken in decides: the other tab's round, or none where consent was withdrawn meanwhile.
  return shown(await decide(NO_CHANCE));
}

const shown = ([variant, reason]: readonly string[]): Chosen => ({ variant: variant as string, reason: reason as ChosenFor });

/** A seed to draw by; none where there is no source of chance. */
function chance(): Uint8Array {
  try {
    return crypto.getRandomValues(new Uint8Array(32));
  } catch {
    return NO_CHANCE;
  }
}
