// Measures in Node: `node --expose-gc node-host.mjs BUNDLE DIST MODULES quick|full ID...` prints a line of JSON for each workload.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [bundle, dist, modules, quick, ...ids] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(path).href);
const { run, emptyTurn, shelf } = await load(bundle);
const { createClient } = await load(join(dist, "node.js"));
const started = async (name) => {
  const glue = await load(join(modules, `${name}.mjs`));
  glue.initSync({ module: new WebAssembly.Module(readFileSync(join(modules, `${name}.wasm`))) });
  return glue;
};
const { Profile } = await started("core");
const { compile } = await started("study");

const note = (text) => console.error(`    Node, ${text}`);
const options = { note, ...(quick === "quick" ? { rounds: 1, samples: 50 } : {}) };
try {
  for (const id of ids) {
    console.log(JSON.stringify({ id, rows: await run(id, { createClient, Profile, compile, storage: shelf }, options) }));
  }
  console.log(JSON.stringify({ turn: await emptyTurn() }));
  process.exit(0);
} catch (error) {
  // The message alone: the stack would print the bundle, which is one long line.
  console.error(`error: ${error.message}`);
  process.exit(1);
}
