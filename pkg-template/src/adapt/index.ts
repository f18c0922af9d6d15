// `keepset/adapt`: a model's score for this person, moved by what this person did after earlier scores. Nothing of it leaves.
import { either } from "../either.js";
import { mayLearn, teller, valuesOf, within } from "../rounds.js";
import * as module from "./glue.js";
import type { Cancellable, Keepset, WasmSource } from "../types.js";

/** A score for this person, in log-odds. */
export interface Adapted {
  /** The score to go by: `shipped + moved`. */
  readonly score: number;
  /** The score of the model as it is shipped, which segments and reports go by. */
  readonly shipped: number;
  /** What this person's own history adds. */
  readonly moved: number;
  /** From so many outcomes. */
  readonly learned: number;
  /** The same in words. */
  readonly because: string;
}

/** How to adapt. */
export interface AdaptOptions extends Cancellable {
  /** Where `adapt.wasm` comes from; left out, the copy inside the package is taken. Where WebAssembly is forbidden, the same runs as JavaScript. */
  wasm?: WasmSource | Promise<WasmSource>;
}

const open = either({ name: "adapt", glue: () => module, inline: () => import("../adapt-inline.js") }, () => import("../nowasm-adapt.js"));

/** A model that adapts: its names, and what it needs to be asked. */
interface Asked {
  readonly glue: typeof module;
  readonly pack: Uint8Array;
  readonly model: string;
  readonly reads: readonly string[];
  readonly begun: readonly string[];
  readonly settled: readonly string[];
  readonly of: string;
}

/**
 * Returns the score of a model for this person. What an earlier score foretold is learned from when its time is over, once, whatever page asks and in whatever tab.
 * `null` when no model of this name adapts, or nothing can be computed here.
 *
 * Without consent to `segmentation` nothing is computed, without consent to `storage` it is the shipped score, and nothing is kept.
 */
export async function adapt(client: Keepset, model: string, options: AdaptOptions = {}): Promise<Adapted | null> {
  const asked = await ask(client, model, options);
  if (!asked || client.consent.get().segmentation !== "granted") return null;
  const first = await decide(client, asked, options);
  if (!mayLearn(client)) return told(first[0], first[0], 0);
  const [, , , round, settles, begins] = first;
  const numbers = first.subarray(6);
  const tell = teller(client, asked.model, round as number);
  if (settles) tell("settled", named(asked, asked.settled, numbers));
  if (begins) tell("begun", named(asked, asked.begun, numbers.subarray(asked.settled.length)));
  // What was taken in decides: another tab's round, or none where consent was withdrawn meanwhile.
  const [shipped, score, learned] = settles || begins ? await decide(client, asked, options) : first;
  return mayLearn(client) ? told(shipped, score, learned) : told(shipped, shipped, 0);
}

/** Forgets what was learned of this person: the score is the shipped one again, to the bit. */
export async function reset(client: Keepset, model: string, options: AdaptOptions = {}): Promise<void> {
  const asked = await ask(client, model, options);
  if (!asked || !mayLearn(client)) return;
  const values = await valuesOf(client, asked.reads, options);
  const round = values[0] as number;
  const broken = asked.glue.broken_off(asked.pack, asked.model, values);
  if (broken) teller(client, asked.model, round)("settled", named(asked, asked.settled, broken));
  (client.track as (name: string) => void).call(client, `${asked.model}.forgotten`);
  // Resolves when it has been taken in.
  await client.features(options);
}

async function ask(client: Keepset, model: string, options: AdaptOptions): Promise<Asked | null> {
  const pack = await client.pack(options);
  if (!pack) return null;
  const glue = await open(options.wasm);
  const name = String(model);
  const lines = glue.adapted_names(pack, name)?.split("\n").map((line) => line.split(" "));
  if (!lines) return null;
  const [reads, begun, settled, of] = lines as [string[], string[], string[], [string]];
  return { glue, pack, model: name, reads, begun, settled, of: of[0] };
}

async function decide(client: Keepset, { glue, pack, model, reads }: Asked, options: AdaptOptions): Promise<Float64Array> {
  const values = await valuesOf(client, reads, options);
  // The pack has it: that was asked before.
  return glue.adapt(pack, model, within(client), values)!;
}

const named = ({ of }: Asked, names: readonly string[], numbers: Float64Array): object =>
  Object.fromEntries([["of", of], ...names.map((name, place) => [name, numbers[place]])]);

function told(shipped = NaN, score = NaN, learned = 0): Adapted {
  const moved = score - shipped;
  const way = moved < 0 ? "lowers" : "raises";
  const because = moved === 0 ? "nothing was learned of this person" : `this person's history ${way} the score by ${Math.abs(moved).toFixed(2)}`;
  return { score, shipped, moved, learned, because };
}
