// Puts the npm package together: `node build.mjs --modules DIR --out DIR`; with `--only NAME`, one module of a package that is there.
// DIR(modules) holds core.js (wasm-bindgen, target web) and core.wasm, study.js and study.wasm; DIR(out) becomes ready for
// `npm pack`.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";
import { minify } from "terser";

import { declarations, declarationsOf } from "./declarations.mjs";
import { ADDONS, EXTERNAL, fileOf, withAddons } from "./entries.mjs";
import { glue } from "./glue.mjs";
import { shorten } from "./names.mjs";
import { NOWASM, scriptOf } from "./nowasm.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({ options: { modules: { type: "string" }, out: { type: "string" }, only: { type: "string" } } });
if (!values.modules || !values.out) throw new Error("usage: node build.mjs --modules DIR --out DIR");
const modules = resolve(values.modules);
const out = resolve(values.out);
const dist = join(out, "dist");
const manifest = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));

// Private methods and WebAssembly reference types came to all engines in 2021; older ones get neither.
const target = ["chrome96", "firefox90", "safari15.1", "node20.19"];

/** The modules and their glue as they ship. */
const shipped = Object.fromEntries(
  (values.only ? [values.only] : ["core", "core-full", "report", "study", "sentiment", "choose", "adapt", "restore"]).map((name) => [name, shorten(readFileSync(join(modules, `${name}.wasm`)), glue(modules, name))]),
);

// A page binds either core to the one glue of its script.
if (!values.only && shipped.core.glue !== shipped["core-full"].glue) throw new Error("core.js and core-full.js are not the same");

/** What `wasm2js` wrote has no source that anyone could read: with a map of its last line alone nothing of it is in a source map. One without any mapping would be ignored. */
const unmapped = (code) => {
  const map = { version: 3, sources: ["wasm2js"], sourcesContent: [""], mappings: `${";".repeat(code.split("\n").length)}AAAA` };
  return `${code}\n//# sourceMappingURL=data:application/json,${encodeURIComponent(JSON.stringify(map))}`;
};

/** The same as JavaScript, by the names of their files: what a page loads where WebAssembly is forbidden. */
const scripts = Object.fromEntries(values.only ? [] : NOWASM.map((name) => [`${name}-nowasm`, unmapped(scriptOf(modules, name))]));

/** What stands in the place of the declaration of a module's glue. */
const glueOf = (name) => scripts[name] ?? shipped[name].glue;

/** Puts the real glue of a core in the place of its declaration; what a page seldom loads stays a file of its own. */
const parts = (extension, core = "core") => ({
  name: "parts",
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^node:/ }, ({ path }) => ({ path, external: true }));
    onResolve({ filter: /^[a-z]/ }, ({ path }) => (EXTERNAL.includes(path) ? { path, external: true } : undefined));
    // The page's own copy: an error has to be one of its class.
    onResolve({ filter: /^\.\.\/index\.js$/ }, () => ({ path: `./index.${extension}`, external: true }));
    onResolve({ filter: /^\.\.\/strings\/index\.js$/ }, () => ({ path: `./consent-strings.${extension}`, external: true }));
    onResolve({ filter: /^\.\.?\/core\.js$/ }, () => ({ path: core, namespace: "glue" }));
    // An add-on with a module of its own is called as that is.
    onResolve({ filter: /^\.\/glue\.js$/ }, ({ resolveDir }) => ({ path: basename(resolveDir), namespace: "glue" }));
    onResolve({ filter: /^\.\.\/(sentiment|choose|adapt|restore)-inline\.js$/ }, ({ path }) => ({ path: path.slice(1).replace(/js$/, extension), external: true }));
    onLoad({ filter: /^/, namespace: "glue" }, ({ path }) => ({ contents: glueOf(path), loader: "js" }));
    onResolve({ filter: /^\.\/(core-inline|(report|study)(-inline)?)\.js$/ }, ({ path }) => ({ path: path.replace(/js$/, extension), external: true }));
    onResolve({ filter: /^\.\/recover\.js$/ }, () => ({ path: `./restore-recover.${extension}`, external: true }));
    onResolve({ filter: /^\.\/nowasm\/index\.js$/ }, () => ({ path: `./nowasm.${extension}`, external: true }));
    onResolve({ filter: /^\.\.\/nowasm-[a-z]+\.js$/ }, ({ path }) => ({ path: path.replace(/^\.(.*)js$/, `$1${extension}`), external: true }));
  },
});

const bundle = (entry, file, format) =>
  write(file, format, { entryPoints: [join(here, "src", `${entry}.ts`)], sourcemap: true, plugins: [parts(format === "cjs" ? "cjs" : "js")] });

/** What a part that is loaded when it is asked for gives: what is used of its glue, and what of ours works on it. */
const LATER = {
  report: `export { initSync, decide, hasGateway } from "glue"; export { Sender } from "./sender.js"; export { shareLabels } from "./sharing.js";`,
  study: `export { initSync, compile, explain, simulate } from "glue";`,
};

/** The modules that a plain script loads: it has neither add-ons nor imports. */
const SCRIPTED = ["core", ...Object.keys(LATER)];

/** `file`: whose glue it is bound to is told by its name. */
const bundlePart = (name, ending, format, file = name, from = name) => {
  const glue = {
    name: "glue",
    setup({ onLoad, onResolve }) {
      onResolve({ filter: new RegExp(`^glue$|/${name}\\.js$`) }, () => ({ path: name, namespace: "glue" }));
      onLoad({ filter: /^/, namespace: "glue" }, () => ({ contents: glueOf(from), loader: "js" }));
    },
  };
  const contents = LATER[name] ?? `export * from "glue";`;
  const stdin = { contents, resolveDir: join(here, "src"), sourcefile: `${file}.ts`, loader: "ts" };
  return write(`${file}.${ending}`, format, { stdin, sourcemap: true, globalName: globalOf(file), plugins: [glue] });
};

/** Without WebAssembly: the engine's entry, its later parts, and those of add-ons. What is big is made small once, and then put into the other formats. */
const bundleNowasm = async () => {
  const later = NOWASM.filter((name) => name !== "core");
  await Promise.all([
    write("nowasm.js", "esm", { entryPoints: [join(here, "src/nowasm/index.ts")], sourcemap: true, plugins: [parts("js", "core-nowasm")] }),
    write("nowasm.global.js", "iife", { entryPoints: [join(here, "src/nowasm/global.ts")], sourcemap: true, globalName: globalOf("nowasm"), plugins: [parts("js", "core-nowasm")] }),
    ...later.map((name) => bundlePart(name, "js", "esm", `nowasm-${name}`, `${name}-nowasm`)),
  ]);
  const scripted = Object.keys(LATER).map((name) => rewrite(`nowasm-${name}`, "global.js", "iife"));
  await Promise.all([rewrite("nowasm", "cjs", "cjs"), ...later.map((name) => rewrite(`nowasm-${name}`, "cjs", "cjs")), ...scripted]);
};

/** Writes a module that is there in another format. */
async function rewrite(name, ending, format) {
  const beside = { name: "beside", setup: ({ onResolve }) => onResolve({ filter: /^\.\/nowasm-/ }, ({ path }) => ({ path: path.replace(/js$/, ending), external: true })) };
  const file = `${name}.${ending}`;
  const map = readFileSync(join(dist, `${name}.js.map`), "utf8");
  // Where nothing of ours is in it, the map of the other format would be of what was made small.
  const ours = JSON.parse(map).sources.length > 0;
  const footer = ours ? {} : { js: `//# sourceMappingURL=${file}.map` };
  await build({ ...settings(format), footer, entryPoints: [join(dist, `${name}.js`)], outfile: join(dist, file), globalName: globalOf(name), plugins: [beside], minify: true, sourcemap: ours });
  if (!ours) writeFileSync(join(dist, `${file}.map`), map);
}

/** The name under which a plain script hands over a part. */
const globalOf = (name) => `keepset${name.split("-").map((word) => word[0].toUpperCase() + word.slice(1)).join("")}`;

/** Members that only our own scripts name, under a letter in all of them. */
const OWN = ["openStudy", "openReport", "inTurn", "letGo", "nextUpload", "setConsent", "setZone", "standings", "rewrite", "unreadable", "uploaded", "usable", "__destroy_into_raw", "vault", "guard"];
const letters = Object.fromEntries(OWN.map((name, index) => [name, String.fromCharCode("A".charCodeAt(0) + index)]));

/** What every bundle of a format is made with. */
const settings = (format) => ({
  bundle: true,
  format,
  target,
  platform: "neutral",
  mangleProps: new RegExp(`^(${OWN.join("|")})$`),
  mangleCache: letters,
  // Jest and old Node run no `import()` in CommonJS.
  supported: format === "cjs" ? { "dynamic-import": false } : {},
  // CommonJS has no address of its own, and what asks for it does without.
  define: { __KEEPSET_VERSION__: JSON.stringify(manifest.version), ...(format === "cjs" ? { "import.meta.url": "undefined" } : {}) },
  logLevel: "warning",
});

/** The scripts of which a page calls nearly all at its start. Told so, Chromium compiles their functions while it loads them, beside the page, and not each at its first call. */
const AT_ONCE = ["index.js", "global.js", "worker-engine.js"];

async function write(file, format, what) {
  const { outputFiles } = await build({
    ...what,
    ...settings(format),
    outfile: join(dist, file),
    minify: true,
    write: false,
  });
  const [code, map] = [/js$/, /map$/].map((ending) => outputFiles.find(({ path }) => ending.test(path))?.text);
  // Chooses names by how often their letters occur, which compresses better. No function of ours is called with `new`.
  const compress = { passes: 2, sequences: false, directives: false, unsafe_arrows: true, unsafe_methods: true };
  const preamble = AT_ONCE.includes(file) ? "//# allFunctionsCalledOnLoad" : undefined;
  const small = await minify(code, { ecma: 2020, compress, format: { preamble }, module: format === "esm", toplevel: format === "cjs", sourceMap: map && { content: map, url: `${file}.map` } });
  writeFileSync(join(dist, file), small.code);
  if (map) writeFileSync(join(dist, `${file}.map`), JSON.stringify(published(JSON.parse(small.map))));
}

/** A source map that names our sources where the package has them, instead of carrying each once more; what was generated it carries. */
function published({ sourcesContent = [], ...map }) {
  const paths = map.sources.map((source) => source.match(/\/pkg-template\/(src\/.+)$/)?.[1]).map((path) => (path && existsSync(join(here, path)) ? path : undefined));
  return {
    ...map,
    sources: map.sources.map((source, index) => (paths[index] ? `../${paths[index]}` : basename(source))),
    sourcesContent: map.sources.map((_, index) => (paths[index] ? null : (sourcesContent[index] ?? null))),
  };
}

function writeModule(module) {
  const { wasm } = shipped[module];
  const text = JSON.stringify(wasm.toString("base64"));
  writeFileSync(join(dist, `${module}.wasm`), wasm);
  // The copy inside the package is for every pack.
  if (module === "core") return;
  const name = module === "core-full" ? "core" : module;
  writeFileSync(join(dist, `${name}-inline.js`), `export const base64 = ${text};\n`);
  writeFileSync(join(dist, `${name}-inline.cjs`), `exports.base64 = ${text};\n`);
  if (SCRIPTED.includes(name)) writeFileSync(join(dist, `${name}-inline.global.js`), `globalThis.${globalOf(name)}Bytes = { base64: ${text} };\n`);
}

function writeTypes() {
  const emitted = join(out, ".types");
  const tsc = join(here, "node_modules/typescript/bin/tsc");
  execFileSync(process.execPath, [tsc, "--project", here, "--outDir", emitted], { stdio: "inherit" });
  writeDeclarations("index", declarations(emitted));
  for (const entry of ADDONS) writeDeclarations(fileOf(entry), declarationsOf(emitted, entry));
  rmSync(emitted, { recursive: true });
}

function writeDeclarations(entry, text) {
  writeFileSync(join(dist, `${entry}.d.ts`), text);
  writeFileSync(join(dist, `${entry}.d.cts`), text.replace(/"(\.\/[\w-]+)\.js"/g, '"$1.cjs"'));
  // Committed, so that a change of the API shows in review.
  mkdirSync(join(here, "api"), { recursive: true });
  const report = join(here, `api/${entry}.d.ts`);
  if (!existsSync(report) || readFileSync(report, "utf8") !== text) writeFileSync(report, text);
}

/** What a page may pin: the hash of every file it can load. */
function writeIntegrity() {
  const files = readdirSync(dist).filter((file) => /\.(js|cjs|wasm)$/.test(file)).sort();
  const hash = (file) => `sha384-${createHash("sha384").update(readFileSync(join(dist, file))).digest("base64")}`;
  const table = Object.fromEntries(files.map((file) => [file, hash(file)]));
  writeFileSync(join(dist, "integrity.json"), `${JSON.stringify(table, null, 2)}\n`);
}

function writeManifest() {
  const { devDependencies: _, scripts: __, ...published } = withAddons(manifest);
  writeFileSync(join(out, "package.json"), `${JSON.stringify(published, null, 2)}\n`);
  for (const part of ["README.md", "LICENSE-MIT", "LICENSE-APACHE", "docs", "src"]) {
    cpSync(join(here, part), join(out, part), { recursive: true });
  }
  const packs = join(here, "../packs");
  cpSync(join(packs, "pack.schema.json"), join(out, "pack.schema.json"));
  cpSync(join(packs, "starter/pack.json"), join(out, "packs/starter.json"));
}

function printSizes() {
  for (const file of ["index.js", "core.wasm", "core-full.wasm", "report.js", "report.wasm", "study.js", "study.wasm", "nowasm-report.js", "nowasm-study.js", ...ADDONS.map((entry) => `${fileOf(entry)}.js`)]) {
    const bytes = readFileSync(join(dist, file));
    console.log(`    ${file}: ${bytes.length} bytes, ${gzipSync(bytes, { level: 9 }).length} gzipped`);
  }
}

/** What loads the module `name`. */
const bundleParts = (name) => [bundlePart(name, "js", "esm"), bundlePart(name, "cjs", "cjs"), bundlePart(name, "global.js", "iife")];

async function writePackage() {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(dist, { recursive: true });
  await Promise.all([
    bundle("index", "index.js", "esm"),
    // CommonJS has no address of its own to find the file by, so it reads the copy inside the package.
    bundle("node", "index.cjs", "cjs"),
    bundle("node", "node.js", "esm"),
    bundle("node", "node.cjs", "cjs"),
    bundle("edge", "edge.js", "esm"),
    bundle("global", "global.js", "iife"),
    bundle("cli", "cli.js", "esm"),
    bundle("worker-engine", "worker-engine.js", "esm"),
    ...ADDONS.filter((entry) => entry !== "nowasm").flatMap((entry) => [bundle(`${entry}/index`, `${fileOf(entry)}.js`, "esm"), bundle(`${entry}/index`, `${fileOf(entry)}.cjs`, "cjs")]),
    bundle("restore/recover", "restore-recover.js", "esm"),
    bundle("restore/recover", "restore-recover.cjs", "cjs"),
    ...Object.keys(LATER).flatMap(bundleParts),
    bundleNowasm(),
  ]);
  Object.keys(shipped).forEach(writeModule);
  writeTypes();
  writeIntegrity();
  writeManifest();
  printSizes();
}

async function writeOnly(name) {
  await Promise.all(bundleParts(name));
  writeModule(name);
  writeIntegrity();
}

await (values.only ? writeOnly(values.only) : writePackage());
