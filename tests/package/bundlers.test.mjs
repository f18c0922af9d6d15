// The packed package, installed, built by each bundler as its documentation says, without a setting for Keepset, and run in Chromium under a strict policy.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { extname, join, normalize } from "node:path";
import { before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { install, tools } from "./support/installed.mjs";
import { shop } from "./support/packs.mjs";
import { serve } from "./support/server.mjs";
import { browse } from "./support/site.mjs";

const { folder } = install();
const require = createRequire(join(tools, "x.js"));
const load = (name) => import(pathToFileURL(require.resolve(name)).href).then((module) => module.default ?? module);

/** What a developer writes: the client, and an add-on. */
const MAIN = `
  import { init, version } from "keepset";
  import { capture } from "keepset/capture";
  const keepset = init({ pack: "/pack.json", storage: "memory" });
  capture(keepset, { copy: true });
  globalThis.told = keepset.consent.set({ segmentation: "granted" }).then(async () => {
    keepset.track("purchase", { value: 1 });
    const why = await keepset.explain("buyer");
    return { version, status: keepset.status, error: keepset.error?.message, buyer: keepset.has("buyer"), why: why?.condition.value };
  });
`;
const HTML = (script) => `<!doctype html><title>fixture</title><script type="module" src="${script}"></script>`;
const CSP = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";
const TYPES = { ".js": "text/javascript", ".wasm": "application/wasm", ".html": "text/html", ".json": "application/json" };
const { version } = JSON.parse(readFileSync(join(folder, "node_modules/keepset/package.json"), "utf8"));

let browser;
before(async () => {
  browser = await browse();
});

/** A fresh project of the name. */
function project(name, manifest = {}) {
  const root = join(folder, name);
  mkdirSync(root);
  writeFileSync(join(root, "package.json"), JSON.stringify({ private: true, type: "module", ...manifest }));
  writeFileSync(join(root, "main.js"), MAIN);
  writeFileSync(join(root, "index.html"), HTML("./main.js"));
  return root;
}

/** The same with its engine in a worker. */
const IN_WORKER = MAIN.replace("init({", "init({ runtime: inWorker(),").replace("const keepset", 'import { inWorker } from "keepset/worker";\n  const keepset');

/** Serves what was built and says what its page came to, which wasm files it fetched, and how many workers it had. */
async function run(out, csp = CSP) {
  const site = await serve([], (request, response) => {
    const path = new URL(request.url, "http://x").pathname;
    site.requests.push(path);
    try {
      const body = path === "/pack.json" ? JSON.stringify(shop()) : readFileSync(join(out, normalize(path === "/" ? "/index.html" : path)));
      response.writeHead(200, { "content-type": TYPES[extname(path === "/" ? ".html" : path)] ?? "text/html", "content-security-policy": csp }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  try {
    const workers = [];
    const told = await visit(site.url, (page) => page.on("worker", (worker) => workers.push(worker.url())));
    return { told, workers: workers.length, fetched: site.requests.filter((path) => path.endsWith(".wasm")) };
  } finally {
    site.close();
  }
}

async function visit(url, prepare = () => undefined) {
  const page = await browser.newPage();
  prepare(page);
  const problems = [];
  page.on("pageerror", (error) => problems.push(error.message));
  try {
    await page.goto(url);
    await page.waitForFunction(() => globalThis.told).catch((error) => assert.fail(`${problems.join("; ")}: ${error.message}`));
    const told = await page.evaluate(() => told);
    assert.deepEqual(problems, []);
    return told;
  } finally {
    await page.close();
  }
}

const WORKS = { version, status: "ready", error: undefined, buyer: true, why: 1 };

/** Vite as it is, and the two majors before it, by the names they are installed under. */
const VITES = ["vite", "vite7", "vite6"];
const vite = (name) => import(pathToFileURL(join(tools, name, "dist/node/index.js")).href);

for (const name of VITES) test(`${name} builds it, and the page fetches the wasm files beside its scripts`, async () => {
  const root = project(`${name}-built`);
  const { build } = await vite(name);
  await build({ root, logLevel: "error", configFile: false });
  const { told, fetched } = await run(join(root, "dist"));
  assert.deepEqual(told, WORKS);
  assert.equal(fetched.length, 2);
  writeFileSync(join(root, "main.js"), IN_WORKER);
  await build({ root, logLevel: "error", configFile: false, worker: { format: "es" } });
  const there = await run(join(root, "dist"));
  assert.deepEqual([there.told, there.workers, there.fetched.length], [WORKS, 1, 2]);
});

for (const name of VITES) test(`the development server of ${name} serves it`, async () => {
  const root = project(`${name}-dev`);
  mkdirSync(join(root, "public"));
  writeFileSync(join(root, "public/pack.json"), JSON.stringify(shop()));
  const { createServer } = await vite(name);
  const server = await createServer({ root, logLevel: "error", configFile: false, server: { port: 0, host: "127.0.0.1", watch: null, hmr: false, ws: false } });
  await server.listen();
  try {
    assert.deepEqual(await visit(`http://127.0.0.1:${server.httpServer.address().port}/`), WORKS);
  } finally {
    await server.close();
  }
});

test("webpack 5 builds it, and the page fetches the wasm files beside its scripts", async () => {
  const root = project("webpack");
  const webpack = await load("webpack");
  const out = join(root, "dist");
  const built = async () => {
    const stats = await new Promise((resolve, reject) => webpack({ mode: "production", context: root, entry: "./main.js", output: { path: out } }, (error, done) => (error ? reject(error) : resolve(done))));
    assert.deepEqual(stats.toJson({ all: false, errors: true, warnings: true }).errors, []);
    writeFileSync(join(out, "index.html"), HTML("/main.js"));
    return run(out);
  };
  const { told, fetched } = await built();
  assert.deepEqual(told, WORKS);
  assert.equal(fetched.length, 2);
  writeFileSync(join(root, "main.js"), IN_WORKER);
  const there = await built();
  assert.deepEqual([there.told, there.workers, there.fetched.length], [WORKS, 1, 2]);
});

test("Rollup builds it with its resolver alone, and the page uses the copies inside the package", async () => {
  const root = project("rollup");
  const { rollup } = await import(pathToFileURL(join(tools, "rollup/dist/es/rollup.js")).href);
  const resolve = await load("@rollup/plugin-node-resolve");
  const warnings = [];
  const bundle = await rollup({ input: join(root, "main.js"), plugins: [(resolve.nodeResolve ?? resolve)({ browser: true })], onwarn: ({ message }) => warnings.push(message) });
  await bundle.write({ dir: join(root, "dist"), format: "es" });
  await bundle.close();
  assert.deepEqual(warnings, []);
  writeFileSync(join(root, "dist/index.html"), HTML("/main.js"));
  const { told } = await run(join(root, "dist"));
  assert.deepEqual(told, WORKS);
});

for (const splitting of [true, false]) {
  test(`esbuild builds it ${splitting ? "in parts" : "into one file"}, and the page uses the copies inside the package`, async () => {
    const root = project(`esbuild-${splitting}`);
    const { build } = await load("esbuild");
    const { warnings } = await build({ entryPoints: [join(root, "main.js")], bundle: true, format: "esm", splitting, minify: true, outdir: join(root, "dist"), logLevel: "silent" });
    assert.deepEqual(warnings, []);
    writeFileSync(join(root, "dist/index.html"), HTML("/main.js"));
    const { told } = await run(join(root, "dist"));
    assert.deepEqual(told, WORKS);
  });
}

test("Parcel builds it once it is told to read exports maps, and its page needs a policy for the import map it writes inline", async () => {
  const root = project("parcel", { "@parcel/resolver-default": { packageExports: true } });
  // Parcel builds no file outside the project.
  cpSync(join(folder, "node_modules"), join(root, "node_modules"), { recursive: true });
  execFileSync(process.execPath, [join(tools, "parcel/lib/bin.js"), "build", "index.html", "--no-cache", "--no-autoinstall", "--log-level", "error"], { cwd: root, stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, PARCEL_WORKERS: "0" } });
  const [, map] = /<script type="?importmap"?>(.*?)<\/script>/s.exec(readFileSync(join(root, "dist/index.html"), "utf8")) ?? [];
  const inline = map === undefined ? "" : ` 'sha256-${createHash("sha256").update(map).digest("base64")}'`;
  const { told, fetched } = await run(join(root, "dist"), CSP.replace("'self'", `'self'${inline}`));
  assert.deepEqual(told, WORKS);
  assert.equal(fetched.length, 2);
});

test("a page without a bundler imports it by its address, from the folder as it is installed", async () => {
  const root = project("plain");
  cpSync(join(folder, "node_modules/keepset/dist"), join(root, "keepset"), { recursive: true });
  writeFileSync(join(root, "main.js"), MAIN.replaceAll('"keepset/capture"', '"/keepset/capture.js"').replaceAll('"keepset"', '"/keepset/index.js"'));
  const { told, fetched } = await run(root);
  assert.deepEqual(told, WORKS);
  assert.deepEqual(fetched.sort(), ["/keepset/core.wasm", "/keepset/study.wasm"]);
});

test("what a page does not use is not bundled: an add-on brings no engine, and an import of nothing brings nothing", async () => {
  const { build } = await load("esbuild");
  const bundled = async (contents) => {
    const { outputFiles } = await build({ stdin: { contents, resolveDir: folder }, bundle: true, format: "esm", minify: true, write: false, logLevel: "silent" });
    return outputFiles.reduce((sum, { contents }) => sum + contents.length, 0);
  };
  const add = await bundled('import { gptTargeting } from "keepset/gpt"; gptTargeting(k, {});');
  assert.ok(add > 500 && add < 4_000, `${add} bytes`);
  assert.ok((await bundled('import "keepset"; import "keepset/gpt"; import { capture } from "keepset/capture";')) < 10);
  assert.ok((await bundled('import "keepset/element";')) > 5_000, "but an element is defined");
});
