// What the noise of one report costs in the shipped module: a new instance, and a draw in one that is there. `cargo xtask bench --reports`.
//
// A client in Node comes to the moment its report is due, of a collector that is never asked; what it hands the module then is kept, and handed again and again to
// instances of the same file. Making a report includes reading what is due, the gate, the charge, the seal and the ledger's line: all of which a question about
// a single segment takes as well, where the noise is one coin. So what a question takes beyond that one is the choice of its mechanism and its draw.
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { ALL, DAY, handClock, shelf, shop } from "../tests/package/support/packs.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));
const source = process.env.KEEPSET_PACKAGE ?? join(root, "target/pkg/keepset");
const INSTANCES = 300;
const DRAWS = 3_000;
/** What is asked, in milliseconds (acceptance A15 of the privacy figures). */
const ASKED = { instance: 5, draw: 0.1 };

/** A copy of the package whose glue of the module keeps what it is handed. */
function listening() {
  const folder = mkdtempSync(join(tmpdir(), "keepset-report-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  cpSync(source, folder, { recursive: true });
  const dist = join(folder, "dist");
  renameSync(join(dist, "report.js"), join(dist, "report-itself.js"));
  const glue = 'import * as itself from "./report-itself.js";\nexport * from "./report-itself.js";\n' +
    "export const decide = (due) => {\n  const decided = itself.decide(due);\n  globalThis.asked.push({ due: due.slice(), decided });\n  return decided;\n};\n";
  writeFileSync(join(dist, "report.js"), glue);
  return dist;
}

/** A shop with so many segments, of which a device counts in a few at most. */
function wide(segments, cap) {
  const { segments: [buyer], plan, ...rest } = shop();
  const many = Array.from({ length: segments }, (_, at) => ({ ...buyer, id: `s${at}`, enter: { ...buyer.enter, value: at + 1 } }));
  const question = { ...plan.questions[0], segments: many.map(({ id }) => id), cap };
  return { ...rest, segments: many, plan: { ...plan, questions: [question] } };
}

/** What a client of the pack hands the module when its report is due. */
async function due(createClient, pack) {
  const clock = handClock();
  const client = createClient({ pack, clock, storage: shelf(), collector: "http://127.0.0.1:9" });
  await client.consent.set(ALL);
  client.track("purchase", { value: 5 });
  client.track("purchase", { value: 5 });
  globalThis.asked = [];
  for (let day = 0; day < 3; day += 1) {
    await client.ledger.list();
    clock.skip(DAY);
    if ((await client.preview()) !== null) break;
  }
  await client.destroy();
  // The moment of a window is drawn by the same module; what a report came of is the longest answer.
  const [longest] = globalThis.asked.sort((a, b) => b.decided.length - a.decided.length);
  if (!longest) throw new Error("no report came due");
  return longest.due;
}

const took = (work) => {
  const start = performance.now();
  work();
  return performance.now() - start;
};
const at = (times, share) => times.sort((a, b) => a - b)[Math.floor((times.length - 1) * share)];
const shown = (ms) => (ms < 1 ? `${(ms * 1000).toFixed(0)} µs` : `${ms.toFixed(2)} ms`);
/** A line of the table: what was asked of `ms`, and whether it holds. */
const row = (what, asked, ms, more) => console.log(`| ${what} | under ${shown(asked)} | ${shown(ms)}${more} | ${ms < asked ? "yes" : "**no**"} |`);
/** Medians of calls taken in turns, so that what else the machine does falls on all alike. */
function medians(calls) {
  const times = calls.map(() => []);
  for (let count = 0; count < DRAWS; count += 1) calls.forEach((call, at) => times[at].push(took(call)));
  return times.map((each) => at(each, 0.5));
}

const dist = listening();
const { createClient } = await import(pathToFileURL(join(dist, "node.js")).href);
const module = new WebAssembly.Module(readFileSync(join(dist, "report.wasm")));
/** The glue, anew each time: it holds one instance. */
const glue = (name) => import(`${pathToFileURL(join(dist, "report-itself.js")).href}?${name}`);

console.log("| what | asked | measured | kept |\n| --- | --- | --- | --- |");
const draws = [];
for (const [cap, segments] of [[1, 1], [3, 8], [1, 32], [3, 32]]) {
  const handed = await due(createClient, wide(segments, cap));
  const instances = [];
  for (let count = 0; count < INSTANCES; count += 1) {
    const { initSync, decide } = await glue(`${cap}-${segments}-${count}`);
    instances.push(took(() => (initSync({ module }), decide(handed))));
  }
  row(`a new instance and its sealed report, ${cap} of ${segments} segments`, ASKED.instance, at(instances, 0.5), `, 99 of 100 under ${shown(at(instances, 0.99))}`);
  const { decide } = await glue(`${cap}-${segments}-0`);
  draws.push({ what: `${cap} of ${segments} segments`, call: () => decide(handed) });
}
const [least, ...rest] = medians(draws.map(({ call }) => call));
rest.forEach((median, index) => row(`the noise of ${draws[index + 1].what}`, ASKED.draw, Math.max(median - least, 0), ` of ${shown(median)}`));
process.exit(0);
