// Puts a copy back, a file of its own: a page needs it once, if ever.
import { either } from "../either.js";
import { decode, encode } from "../record.js";
import type { WasmSource } from "../types.js";
import * as module from "./glue.js";
import { open } from "./sealed.js";

const load = either({ name: "restore", glue: () => module, inline: () => import("../restore-inline.js") }, () => import("../nowasm-restore.js"));

/** A record to go on from, and the number of the copy it was made of. */
export interface Recovered {
  readonly number: number;
  readonly record: Uint8Array;
}

/** Opens a copy and makes of it, and of what a new device would store, what to go on from; nothing when it is no copy of this pack. Rejects when it does not open. */
export async function recover(
  copy: { secret: Uint8Array; name: string; sealed: Uint8Array<ArrayBuffer> },
  fresh: Uint8Array,
  pack: Uint8Array,
  now: number,
  wasm: WasmSource | Promise<WasmSource> | undefined,
): Promise<Recovered | undefined> {
  const { number, record } = await open(copy.secret, copy.name, copy.sealed);
  const state = (await load(wasm)).recover(pack, decode(record).snapshot, decode(fresh).snapshot, now);
  return state && { number, record: encode(state, []) };
}
