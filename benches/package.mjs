// What a page pays: the shipped package in Node and in Chromium, its wasm included. `cargo xtask bench` prints the table.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { measure } from "./chromium.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));
const dist = join(process.env.KEEPSET_PACKAGE ?? join(root, "target/pkg/keepset"), "dist");
const { createClient } = await import(pathToFileURL(join(dist, "node.js")).href);
const source = join(root, "packs/retail/pack.json");
const pack = compiled();
const granted = { segmentation: "granted", storage: "granted", reporting: "granted", sharing: "granted" };

/** The retail pack as a site ships it. */
function compiled() {
  const out = join(mkdtempSync(join(tmpdir(), "keepset-bench-")), "pack.keepset");
  execFileSync(process.execPath, [join(dist, "cli.js"), "compile", source, "-o", out]);
  return readFileSync(out);
}

const row = (name, figure) => console.log(`| ${name} | ${figure} |`);
const time = async (work) => {
  const start = performance.now();
  await work();
  return performance.now() - start;
};
const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];
const bought = (event) => ["purchase", { value: 20 + (event % 60), trip: "stock_up" }];

async function started(name, storage = "memory", options = {}) {
  const client = createClient({ pack, name, storage, ...options });
  client.consent.set(granted);
  await client.ready;
  return client;
}

/** A store that counts the bytes it is given; with `behind` it takes what is put behind. */
function countingShelf(behind) {
  let parts = [];
  const shelf = {
    bytes: 0,
    writes: 0,
    get: async () => (parts.length > 0 ? Buffer.concat(parts) : undefined),
    set: async (_, next) => shelf.keep([next], next),
    delete: async () => void (parts = []),
    keep(next, given) {
      parts = next;
      shelf.bytes += given.length;
      shelf.writes += 1;
    },
  };
  return behind ? Object.assign(shelf, { append: async (_, last, bytes) => (shelf.keep([...parts, bytes], bytes), true) }) : shelf;
}

/** Bytes written for each of a thousand events, one every minute, each saved before the next. */
async function bytesPerEvent(behind) {
  const EVENTS = 1_000;
  const storage = countingShelf(behind);
  let now = Date.parse("2026-06-01");
  const client = await started(`bytes-${behind}`, storage, { clock: { now: () => now } });
  await client.consent.set({ sharing: "granted" });
  const before = storage.bytes;
  for (let event = 0; event < EVENTS; event += 1) {
    now += 60_000;
    const { writes } = storage;
    client.track(...bought(event));
    while (storage.writes === writes) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await client.destroy();
  return (storage.bytes - before) / EVENTS;
}

console.log("| step | median |\n| --- | ---: |");
const first = await time(() => started("first"));
row("first client, from import to ready", `${first.toFixed(1)} ms`);
const more = [];
for (let n = 0; n < 50; n += 1) more.push(await time(() => started(`more-${n}`)));
row("one more client", `${median(more).toFixed(2)} ms`);
const curious = await started("curious");
const why = () => curious.explain("regular");
row("its first explanation, the study part loaded for it", `${(await time(why)).toFixed(1)} ms`);
const explained = [];
for (let n = 0; n < 50; n += 1) explained.push(await time(why));
row("one more explanation", `${median(explained).toFixed(2)} ms`);

const EVENTS = 2_000;
const runs = [];
for (let n = 0; n < 7; n += 1) {
  const client = await started(`events-${n}`, countingShelf(true));
  const took = await time(async () => {
    for (let event = 0; event < EVENTS; event += 1) client.track(...bought(event));
    // Confirmed when it is kept, and with it every event before it.
    await client.consent.set({ sharing: "granted" });
  });
  runs.push(took / EVENTS);
  await client.destroy();
}
row("take in an event, saved", `${(median(runs) * 1000).toFixed(1)} µs`);
row("bytes written per event, each saved by itself", `${Math.round(await bytesPerEvent(true))} bytes`);
row("the same where the store cannot append", `${Math.round(await bytesPerEvent(false)).toLocaleString("en")} bytes`);
const { bytes, full, quarter } = await measure(dist, pack, granted);
row("the same in Chromium, into IndexedDB", `${Math.round(bytes)} bytes`);
row("compile `core.wasm` in Chromium", `${median(full.compiled).toFixed(1)} ms`);
const beside = ({ ready, least }) => `${median(ready).toFixed(1)} ms (${median(least).toFixed(1)} ms)`;
row("a page opened again there, until ready: wasm and pack fetched, state of 1,000 events read and restored (a page that only fetches, compiles and reads the same)", beside(full));
row("the same on a processor a quarter as fast", beside(quarter));
process.exit(0);
