// Keepset beside others: the same workloads in one run, in Node and in headless Chromium, as Markdown on standard output.
// `node benches/peers/run.mjs [--only W1,S1a] [--in node|chromium] [--quick] [--json FILE]`; progress goes to standard error.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

import { bundle } from "./bundle.mjs";
import { install, peersBeside } from "./install.mjs";
import { prepareModules } from "./keepset-module.mjs";
import { measureInPage } from "./page-host.mjs";
import { micros, report } from "./table.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const { values } = parseArgs({ options: { only: { type: "string" }, in: { type: "string" }, quick: { type: "boolean" }, json: { type: "string" } } });
const dist = join(resolve(process.env.KEEPSET_PACKAGE ?? join(root, "target/pkg/keepset")), "dist");
const built = resolve(process.env.KEEPSET_MODULES ?? join(root, "target/pkg-build"));
const scratch = join(root, "target/peers");
const modules = join(scratch, "bench/modules");
const bundles = { node: join(scratch, "bench/node.mjs"), browser: join(scratch, "bench/browser.mjs") };
const say = (text) => console.error(`==> ${text}`);

async function prepare() {
  say("installing the peers into target/peers");
  install(scratch, peersBeside(import.meta.url));
  await prepareModules(built, modules);
  for (const [platform, file] of Object.entries(bundles)) await bundle(platform, scratch, file);
}

/** The workloads that were asked for; all of them when none was named. */
async function choose() {
  const { list } = await import(pathToFileURL(bundles.node).href);
  const known = list.map(({ id }) => id);
  const asked = values.only?.split(",") ?? known;
  const stranger = asked.find((id) => !known.includes(id));
  if (stranger !== undefined) throw new Error(`--only takes ids out of ${known.join(", ")}; ${stranger} is none`);
  return list.filter(({ id, only }) => asked.includes(id) && !(only === "node" && values.in === "chromium"));
}

/** Runs everything in one Node process, so that the subjects share what the machine is doing. */
async function inNode(ids, done) {
  const args = ["--expose-gc", join(root, "benches/peers/node-host.mjs"), bundles.node, dist, modules, values.quick ? "quick" : "full", ...ids];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.on("close", resolve));
  let turn = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const told = JSON.parse(line);
    if (told.id) done(told.id, told.rows);
    else turn = told.turn;
  }
  if ((await ended) !== 0) throw new Error("measuring in Node failed");
  return { turn };
}

async function main() {
  await prepare();
  const chosen = await choose();
  const results = new Map(chosen.map(({ id }) => [id, {}]));
  const keep = (place) => (id, rows) => (results.get(id)[place] = rows);
  const machine = { node: process.version, processor: cpus()[0]?.model ?? "unknown", cores: cpus().length, turns: [] };
  if (values.in !== "chromium") {
    say("measuring in Node");
    const { turn } = await inNode(chosen.map(({ id }) => id), keep("node"));
    machine.turns.push(`${micros(turn)} µs in Node`);
  }
  if (values.in !== "node") {
    say("measuring in headless Chromium");
    const ids = chosen.filter(({ only }) => only !== "node").map(({ id }) => id);
    const { browser, turn } = await measureInPage({ bundle: bundles.browser, dist, modules, ids, quick: values.quick }, keep("chromium"));
    machine.browser = browser;
    machine.turns.push(`${micros(turn)} µs in Chromium`);
  }
  if (values.json) writeFileSync(values.json, JSON.stringify({ machine, results: Object.fromEntries(results) }, null, 1));
  console.log(report(chosen, results, machine));
}

try {
  await main();
  process.exit(0);
} catch (error) {
  console.error(`error: ${error.message.split("\n    at ")[0]}`);
  process.exit(1);
}
