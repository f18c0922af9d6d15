// What is bundled for Node and for the page: every workload by its name.
import { turn } from "./keepset.mjs";
import * as measuring from "./measure.mjs";
import { all, declared, past, tenth } from "./workloads/s.mjs";
import w1 from "./workloads/w1.mjs";
import w2 from "./workloads/w2.mjs";
import w3 from "./workloads/w3.mjs";
import w4 from "./workloads/w4.mjs";

const workloads = [w1, w2, w3, w4, all, tenth, declared, past];

export { shelf } from "./keepset.mjs";

/** What there is to measure, in the order of the tables. */
export const list = workloads.map(({ id, title, notes, only }) => ({ id, title, notes, only }));

/** Measures the workload of this id with a host's Keepset: `{ createClient, Profile, compile, storage }`. */
export function run(id, host, options = {}) {
  const workload = workloads.find((known) => known.id === id);
  return measuring.measure({ ...workload, ...options }, host, options.note);
}

/** What a turn of the event loop costs with nothing to do, in milliseconds: it is taken off the client's figures. */
export const emptyTurn = () => measuring.emptyTurn(turn);
