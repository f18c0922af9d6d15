// What the noise of one report costs in the shipped module: a new instance, and a draw in one that is there. `cargo xtask bench --reports`.
//
// A client in Node comes to the moment its report is due, of a collector that is never asked; what it hands the module then is kept, and handed again and again to
// instances of the same file. A draw includes reading what is due, the gate, the charge and the report's bytes.
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
  const glue = 'import * as itself from "./report-itself.js";\nexport const initSync = itself.initSync;\n' +
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
const row = (what, asked, times) => {
  const [median, late] = [at(times, 0.5), at(times, 0.99)];
  console.log(`| ${what} | under ${shown(asked)} | ${shown(median)}, 99 of 100 under ${shown(late)} | ${median < asked ? "yes" : "**no**"} |`);
};

const dist = listening();
const { createClient } = await import(pathToFileURL(join(dist, "node.js")).href);
const module = new WebAssembly.Module(readFileSync(join(dist, "report.wasm")));
console.log("| what | asked | measured | kept |\n| --- | --- | --- | --- |");
for (const [cap, segments] of [[3, 8], [1, 32], [3, 32]]) {
  const handed = await due(createClient, wide(segments, cap));
  const instances = [];
  for (let count = 0; count < INSTANCES; count += 1) {
    // A module of its own each time: the glue holds one instance.
    const glue = await import(`${pathToFileURL(join(dist, "report-itself.js")).href}?${cap}-${segments}-${count}`);
    instances.push(took(() => (glue.initSync({ module }), glue.decide(handed))));
  }
  row(`a new instance and its report, ${cap} of ${segments} segments`, ASKED.instance, instances);
  const { decide } = await import(`${pathToFileURL(join(dist, "report-itself.js")).href}?${cap}-${segments}-0`);
  const draws = [];
  for (let count = 0; count < DRAWS; count += 1) draws.push(took(() => decide(handed)));
  row(`a report in an instance that is there, ${cap} of ${segments} segments`, ASKED.draw, draws);
}
process.exit(0);
