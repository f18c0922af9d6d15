// What a page pays: the shipped package in Node, its wasm included. `cargo xtask bench` prints the table.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const dist = join(process.env.KEEPSET_PACKAGE ?? join(root, "target/pkg/keepset"), "dist");
const { createClient } = await import(pathToFileURL(join(dist, "node.js")).href);
const pack = readFileSync(join(root, "packs/retail/pack.json"), "utf8");
const granted = { segmentation: "granted", storage: "granted", reporting: "granted", sharing: "granted" };

const row = (name, figure) => console.log(`| ${name} | ${figure} |`);
const time = async (work) => {
  const start = performance.now();
  await work();
  return performance.now() - start;
};
const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];

async function started(name) {
  const client = createClient({ pack, name, storage: "memory" });
  client.consent.set(granted);
  await client.ready;
  return client;
}

console.log("| step | median |\n| --- | ---: |");
const first = await time(() => started("first"));
row("first client, from import to ready", `${first.toFixed(1)} ms`);
const more = [];
for (let n = 0; n < 50; n += 1) more.push(await time(() => started(`more-${n}`)));
row("one more client", `${median(more).toFixed(2)} ms`);

const EVENTS = 2_000;
const runs = [];
for (let n = 0; n < 7; n += 1) {
  const client = await started(`events-${n}`);
  const took = await time(async () => {
    for (let event = 0; event < EVENTS; event += 1) client.track("purchase", { value: 20 + (event % 60), trip: "stock_up" });
    // The answer comes after everything asked before it.
    await client.ledger.list();
  });
  runs.push(took / EVENTS);
  await client.destroy();
}
row("take in an event, saved to memory", `${(median(runs) * 1000).toFixed(1)} µs`);
process.exit(0);
