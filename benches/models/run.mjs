// What a score costs in Node: Keepset's beside ONNX Runtime Web, m2cgen's code and ml-random-forest, and of texts beside `sentiment` and
// `vader-sentiment`. `cargo xtask bench models` prepares the models and prints the tables.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

import { install, peersBeside } from "../peers/install.mjs";
import { prepareModules } from "../peers/keepset-module.mjs";
import { measure } from "../peers/measure.mjs";
import { micros, times } from "../peers/table.mjs";
import { engine, features, onnx, scorer, scoring, story, told } from "./subjects.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const dist = join(resolve(process.env.KEEPSET_PACKAGE ?? join(root, "target/pkg/keepset")), "dist");
const scratch = join(root, "target/models");
const say = (text) => console.error(`==> ${text}`);
const load = (path) => import(pathToFileURL(path).href);
const read = (file) => JSON.parse(readFileSync(join(scratch, file), "utf8"));
const gzipped = (...files) => files.reduce((sum, file) => sum + gzipSync(typeof file === "string" ? readFileSync(file) : file, { level: 9 }).length, 0);
const kilo = (bytes) => `${(bytes / 1000).toFixed(bytes < 10_000 ? 1 : 0)} kB`;

say("installing the peers into target/models");
install(scratch, peersBeside(import.meta.url));
const peer = createRequire(join(scratch, "x.js"));
const modules = join(scratch, "modules");
await prepareModules(resolve(process.env.KEEPSET_MODULES ?? join(root, "target/pkg-build")), modules);
const host = {};
for (const name of ["core", "study"]) {
  const glue = await load(join(modules, `${name}.mjs`));
  glue.initSync({ module: new WebAssembly.Module(readFileSync(join(modules, `${name}.wasm`))) });
  Object.assign(host, glue);
}
const { Profile, compile } = host;
const ort = await load(join(scratch, "node_modules/onnxruntime-web/dist/ort.node.min.mjs"));
ort.env.wasm.numThreads = 1;
const { RandomForestClassifier } = peer("ml-random-forest");

/** The rows of a workload as a table: what a score costs, over what it costs in Keepset. */
function table(title, rows, own) {
  console.log(`| ${title} | median | p95 | of ours | loaded for it, gzip |\n| --- | ---: | ---: | ---: | ---: |`);
  for (const { name, median, p95, bytes } of rows) {
    console.log(`| ${name} | ${micros(median)} µs | ${p95 === undefined ? "" : `${micros(p95)} µs`} | ${name === own.name ? "1" : times(median / own.median)} | ${bytes ? kilo(bytes) : ""} |`);
  }
  console.log();
}

/** Keepset's event with and without the model, the difference of which is the score; then the peers. */
async function models(title, name, width, model, others) {
  const changes = story(read(`${name}.json`), width);
  const without = features(width);
  const pack = scoring(without, model);
  const truth = (n) => told(changes.score(n) >= 0);
  const bare = (n) => told(changes.value(n - (n % width)) >= 0.5);
  const subjects = [
    engine("with", { pack, story: changes, truth }, { Profile, compile }),
    engine("without", { pack: without, story: changes, truth: bare }, { Profile, compile }),
    scorer("m2cgen 0.10, JavaScript", changes, (await load(join(scratch, `${name}.js`))).score, (found) => (found[1] === undefined ? found >= 0 : found[1] >= 0.5)),
    onnx("onnxruntime-web 1.30, one thread", changes, { session: await ort.InferenceSession.create(readFileSync(join(scratch, `${name}.onnx`))), Tensor: ort.Tensor }),
    ...others.map((other) => other(changes)),
  ];
  const rows = await measure({ id: name, rounds: 5, warm: 200, samples: 1_000, least: 20, ready: () => {}, subjects: () => subjects }, host, say);
  const [withModel, withoutModel, ...peers] = rows;
  // The model is in the place of one segment's rule.
  const [scored, unscored] = [pack, { ...without, segments: without.segments.slice(0, 1) }].map((one) => Buffer.from(compile(JSON.stringify(one))));
  const score = { name: "**Keepset, the score**", median: withModel.median - withoutModel.median, bytes: gzipped(scored) - gzipped(unscored) };
  const event = { ...withModel, name: "Keepset, an event from the page with the score", bytes: gzipped(join(dist, scored[4] > 0x7f ? "core-full.wasm" : "core.wasm"), join(dist, "index.js")) + score.bytes };
  const runtime = ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"].map((file) => join(scratch, "node_modules/onnxruntime-web/dist", file));
  const bytes = { m2cgen: gzipped(join(scratch, `${name}.js`)), onnxruntime: gzipped(...runtime, join(scratch, `${name}.onnx`)) };
  for (const row of peers) row.bytes = bytes[row.name.split(/[-\s]/)[0]];
  table(title, [score, event, ...peers], score);
}

/** A forest of as many trees, learned by the peer from the same rows; its answer is its own, for it learns another model. */
function forest(story) {
  const { rows, labels } = read("trees.rows.json");
  const model = new RandomForestClassifier({ nEstimators: 100, seed: 1, treeOptions: { maxDepth: 6 }, noOOB: true });
  model.train(rows, labels);
  let found = 0;
  const score = (row) => ([found] = model.predict([row])) && found - 0.5;
  return scorer("ml-random-forest 2.1, 100 trees of its own", story, score, undefined, () => told(found >= 0.5));
}

/** The texts that the package's own vectors hold, over and over. */
async function texts() {
  const list = JSON.parse(readFileSync(join(root, "tests/vectors/sentiment.json"), "utf8")).map(([text]) => text);
  const { sentiment } = await load(join(dist, "sentiment.js"));
  const own = await sentiment();
  const Sentiment = peer("sentiment");
  const afinn = new Sentiment();
  const { SentimentIntensityAnalyzer: vader } = peer("vader-sentiment");
  const subject = (name, score) => ({
    name,
    start() {
      let found;
      return { step: (n) => (found = score(list[n % list.length])), answer: () => [String(found)], truth: (n) => [String(score(list[n % list.length]))] };
    },
  });
  const subjects = [
    subject("**Keepset**", (text) => own.score(text)),
    subject("sentiment 5.0", (text) => afinn.analyze(text).comparative),
    subject("vader-sentiment 1.1", (text) => vader.polarity_scores(text).compound),
  ];
  const rows = await measure({ id: "texts", rounds: 5, warm: 200, samples: 1_000, ready: () => {}, subjects: () => subjects }, host, say);
  const bytes = [gzipped(join(dist, "sentiment.js"), join(dist, "sentiment.wasm"))];
  rows.forEach((row, n) => (row.bytes = bytes[n]));
  table("a sentence", rows, rows[0]);
}

/** What the first score costs a fresh process, from the import to the answer: the median of some. */
function startUp(pack) {
  const path = join(scratch, "start.keepset");
  writeFileSync(path, compile(JSON.stringify(pack)));
  const first = (kind) => Array.from({ length: 9 }, () => Number(execFileSync(process.execPath, [fileURLToPath(new URL("first.mjs", import.meta.url)), kind, dist, scratch, path], { encoding: "utf8" }))).sort((a, b) => a - b)[4];
  console.log("| from import to the first score of 100 trees, in a fresh Node | median |\n| --- | ---: |");
  for (const [kind, name] of [["keepset", "**Keepset**, the whole client"], ["m2cgen", "m2cgen 0.10, JavaScript"], ["onnx", "onnxruntime-web 1.30, one thread"]]) console.log(`| ${name} | ${first(kind).toFixed(1)} ms |`);
  console.log();
}

mkdirSync(scratch, { recursive: true });
const base = join(scratch, "base.json");
writeFileSync(base, JSON.stringify(features(8)));
execFileSync(process.env.KEEPSET_BIN, ["import", "--from", join(scratch, "trees.txt"), "--label", "score", "--pack", base, "--model-id", "m", "--out", join(scratch, "trees.pack.json")], { stdio: ["ignore", "ignore", "inherit"] });
const trees = read("trees.pack.json").m;
const { intercept, weights } = read("line.weights.json");
const line = { kind: "linear", title: "t", intercept, weights: Object.fromEntries(weights.map((weight, k) => [`x${k}`, weight])) };

await models("100 trees of depth 6, 8 features", "trees", 8, trees, [forest]);
await models("a line of 100 features", "line", 100, line, []);
startUp(scoring(features(8), trees));
await texts();
process.exit(0);
