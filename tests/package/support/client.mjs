// The installed package in Node, and a client of it with everything it tells written down.
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { install } from "./installed.mjs";
import { DAY, handClock, shelf, shop } from "./packs.mjs";

export const installed = install();
export const { createClient, init, isKeepsetError, KeepsetError } = await import(pathToFileURL(join(installed.dist, "node.js")).href);

/** A client with everything it tells written down. */
export function start(options = {}) {
  const clock = handClock();
  const client = createClient({ pack: shop(), clock, storage: shelf(), ...options });
  const heard = { change: [], consent: [], report: [], error: [], ready: [] };
  for (const [type, list] of Object.entries(heard)) client.on(type, (event) => list.push(event));
  return { client, clock, heard, codes: () => heard.error.map(({ code }) => code) };
}

/** Goes to the first moment of a later day at which a report is due, one answer a day. */
export async function nextWindow({ client, clock }) {
  await client.ready;
  await client.ledger.list();
  clock.skip(DAY);
}
