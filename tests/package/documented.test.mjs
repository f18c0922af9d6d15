// What the pages of this repository show is true: every block of code in them is compiled, run, or says that it is not.
//
// The word behind a block's language says what is to be done with it. Without one: JavaScript and TypeScript are checked against the types of the
// package, JSON is a part of a pack and is compiled with the others of its page, commands are held to what our programs know.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { at, blocks, root } from "./support/blocks.mjs";
import { bring, install, tools } from "./support/installed.mjs";
import { shop } from "./support/packs.mjs";
import { browse, site } from "./support/site.mjs";
import { BUNDLER } from "./support/tsc.mjs";

/** What each word asks for, and in which languages it may stand. */
const WORDS = {
  js: { "": "types", run: "run", page: "page" },
  jsx: { "": "types" },
  ts: { "": "types" },
  tsx: { "": "types" },
  vue: { "": "types" },
  html: { "": "types" },
  json: { "": "part", pack: "pack", events: "part", labels: "part", segment: "part", sample: "parsed" },
  sh: { "": "commands", elsewhere: "elsewhere" },
  toml: { "": "settings" },
  python: { elsewhere: "elsewhere" },
  yaml: { elsewhere: "elsewhere" },
  text: { "": "text" },
  "": { "": "text" },
};
/** Blocks for programs that are not ours and not here (Docker, systemd, Kubernetes, Spark, Prometheus, Lighthouse): their syntax alone is looked at, where we can. */
const ELSEWHERE = 7;

const work = ({ language, word }) => WORDS[language]?.[word];
const all = (kind) => blocks.filter((block) => work(block) === kind);
const start = (kind) => blocks.find((block) => block.page === "docs/start.md" && work(block) === kind);

const installed = install();
const place = installed.folder;
bring(installed, ["react", "react-dom", "@types/react", "csstype", "vue", "@vue/runtime-dom", "@types/node"]);
const load = createRequire(join(tools, "x.js"));
const { build } = load("esbuild");
mkdirSync(join(place, "public"));
mkdirSync(join(place, "src"));
mkdirSync(join(place, "typed"));
writeFileSync(join(place, "pack.json"), start("pack").code);
writeFileSync(join(place, "typed/pack.json"), '{ "consent": {} }');

let browser;
before(async () => {
  browser = await browse();
});
after(() => browser.close());

/** Runs a program in the folder of the pages' site. */
const run = (program, ...args) => spawnSync(program, args, { cwd: place, encoding: "utf8" });
/** A file's name made of where a block stands. */
const named = (block, ending) => `${at(block).replaceAll(/\W+/g, "-")}.${ending}`;

test("every block says what is to be done with it in words that are known, and few say that it cannot be run", () => {
  assert.ok(blocks.length > 80, "the blocks were not found");
  assert.deepEqual(blocks.filter((block) => !work(block)).map((block) => `${at(block)}: "${block.language} ${block.word}"`), []);
  assert.deepEqual(all("elsewhere").length, ELSEWHERE, all("elsewhere").map(at).join(", "));
});

/** Names that blocks speak of and that the page around them would have. */
const AROUND = `
import type { Keepset } from "keepset";
declare global {
  // In a script without modules the name is the library, everywhere else a client.
  const keepset: Keepset & typeof import("keepset");
  // Blocks that go on from the one before.
  const init: typeof import("keepset").init;
  const followConsent: typeof import("keepset/consent").followConsent;
  const pack: object;
  const form: HTMLFormElement & { message: HTMLTextAreaElement };
  const bridge: { consentKeys(): Promise<Record<string, string | number>>; onConsentChange(listener: (keys: Record<string, string | number>) => void): void };
  const createApp: typeof import("vue").createApp;
  function show(variant: string): void;
  const Shop: any, Welcome: () => null, Blank: () => null;
  function defineNuxtPlugin(setup: (nuxt: { vueApp: import("vue").App }) => void): unknown;
  interface Window { analytics: any; posthog: any; snowplow: any; dataLayer: any }
  // Several of the package's elements at once.
  interface Element { client?: Keepset }
}
`;

/** What TypeScript reads of a block: its own text, the scripts of a page, a component of Vue compiled with its template. */
function source(block) {
  if (block.language === "html") {
    const scripts = [...block.code.matchAll(/<script(?: type="module")?>\n([^]*?)<\/script>/g)].map(([, code]) => code);
    return ["js", scripts.join("\n").replaceAll(/"\/keepset\/([\w-]+)\.js"/g, (_, name) => (name === "index" ? '"keepset"' : `"keepset/${name.replace("-", "/")}"`))];
  }
  if (block.language !== "vue") return [block.language, block.code];
  const { compileScript, parse } = load("vue/compiler-sfc");
  const { descriptor, errors } = parse(block.code);
  assert.deepEqual(errors, [], at(block));
  return ["vue.ts", compileScript(descriptor, { id: "block", inlineTemplate: true }).content];
}

/** What the compiler says of some files, by their names. */
function typed(files, flags) {
  for (const [name, code] of Object.entries(files)) writeFileSync(join(place, "typed", name), code);
  const common = ["--noEmit", "--target", "es2022", "--lib", "es2022,dom,dom.iterable", "--types", "", "--jsx", "react-jsx", "--moduleDetection", "force", "--skipLibCheck", "--resolveJsonModule", ...BUNDLER];
  const { stdout } = run(process.execPath, join(tools, "typescript/bin/tsc"), ...common, ...flags, ...Object.keys(files).map((name) => `typed/${name}`));
  return stdout.split("\n").filter((line) => line.includes("error "));
}

test("JavaScript, TypeScript, components and the scripts of pages have the types of the package", () => {
  const files = { loose: { "around.d.ts": AROUND }, strict: { "around.d.ts": AROUND } };
  for (const block of [...all("types"), ...all("page")]) {
    const [ending, code] = source(block);
    // A page may declare types of its own for its pack: they are for no other block.
    if (code.includes('declare module "keepset"')) assert.deepEqual(typed({ [named(block, ending)]: `import "keepset";\n${code}` }, ["--strict"]), []);
    else files[/^tsx?$/.test(ending) ? "strict" : "loose"][named(block, ending)] = code;
  }
  assert.ok(Object.keys(files.loose).length > 30 && Object.keys(files.strict).length > 5);
  const strict = typed(files.strict, ["--strict", "--exactOptionalPropertyTypes"]);
  assert.deepEqual([...strict, ...typed(files.loose, ["--allowJs", "--checkJs", "--strict", "false"])], []);
});

test("what a page says to run in Node runs there, on the pack of the first page", () => {
  assert.ok(all("run").length >= 3);
  for (const block of all("run")) {
    writeFileSync(join(place, named(block, "mjs")), block.code);
    const { status, stderr } = run(process.execPath, named(block, "mjs"));
    assert.equal(status, 0, `${at(block)}\n${stderr}`);
  }
});

test("the five-minute start, done as it is written, makes a segment live at the third order", async () => {
  for (const line of start("commands").code.split("\n").filter((line) => line.startsWith("npx keepset "))) {
    const { status, stderr } = run("bash", "-c", line.replace("npx ", "npx --offline "));
    assert.equal(status, 0, `${line}\n${stderr}`);
  }
  assert.match(readFileSync(join(place, "src/pack.d.ts"), "utf8"), /purchase/);
  // Behind what is written: what the test looks at, once everything is stored.
  const watched = `${start("page").code}\nconst [{ value }] = await keepset.features();\nawait keepset.destroy();\nglobalThis.orders = value;`;
  const { outputFiles } = await build({ stdin: { contents: watched, resolveDir: place }, bundle: true, format: "esm", target: "es2022", write: false, logLevel: "error" });
  const page = { "/": '<!doctype html><title>new</title><body><script type="module" src="/page.js"></script>', "/page.js": outputFiles[0].text };
  const served = await site(installed.dist, page, { answer: (path) => (path === "/pack.keepset" ? [200, "application/octet-stream", readFileSync(join(place, "public/pack.keepset"))] : undefined) });
  const context = await browser.newContext();
  try {
    const seen = [];
    for (let order = 0; order < 3; order += 1) {
      const tab = await context.newPage();
      await tab.goto(served.url);
      await tab.waitForFunction(() => globalThis.orders !== undefined);
      seen.push(await tab.evaluate(() => [globalThis.orders, document.body.className]));
      await tab.close();
    }
    assert.deepEqual(seen, [[1, ""], [2, ""], [3, "regular"]]);
  } finally {
    await context.close();
    served.close();
  }
});

/** What a part of a pack is put into: a shop with the segments that the pages speak of. */
const around = () => shop({ segments: [...shop().segments, { id: "regular", title: "Regular", reason: "because you come often", enter: { feature: "orders", op: ">=", value: 3 } }] });
/** What a pack may hold. */
const KEYS = Object.keys(JSON.parse(readFileSync(join(root, "packs/pack.schema.json"), "utf8")).properties);

test("whole packs compile, parts of packs compile together with the others of their page, and the rest of the JSON is JSON", () => {
  const compiled = (pack, where) => {
    writeFileSync(join(place, "shown.json"), JSON.stringify(pack));
    const { status, stderr } = run(process.execPath, join(installed.dist, "cli.js"), "compile", "shown.json", "-o", "shown.keepset");
    assert.equal(status, 0, `${where}: ${stderr}`);
  };
  const json = (block, code = block.code) => {
    try {
      return JSON.parse(code);
    } catch (error) {
      return assert.fail(`${at(block)}: ${error.message}`);
    }
  };
  for (const block of all("pack")) compiled(json(block), at(block));
  for (const block of all("parsed")) block.code.split(/\n(?=\{)/).forEach((line) => json(block, line));
  const whole = new Map();
  for (const block of all("part")) {
    // A key and its value, as they stand in a pack.
    const value = json(block, block.code.startsWith('"') ? `{${block.code}}` : block.code);
    if (block.word === "segment") {
      // Of the retail pack, in the place of its own.
      const retail = json({ page: "packs/retail/pack.json", line: 1 }, readFileSync(join(root, "packs/retail/pack.json"), "utf8"));
      assert.ok(retail.segments.some(({ id }) => id === value.id), at(block));
      compiled({ ...retail, segments: retail.segments.map((each) => (each.id === value.id ? value : each)) }, at(block));
      continue;
    }
    const part = { events: (events) => ({ events }), labels: (labels) => ({ labels }) }[block.word]?.(value) ?? value;
    const pack = whole.get(block.page) ?? around();
    for (const [key, content] of Object.entries(part)) {
      assert.ok(KEYS.includes(key), `${at(block)}: a pack has no ${key}`);
      pack[key] = Array.isArray(content) ? [...(pack[key] ?? []), ...content] : typeof content === "object" ? { ...pack[key], ...content } : content;
    }
    whole.set(block.page, pack);
    compiled(pack, at(block));
  }
  assert.ok(whole.size >= 4);
});

const programs = process.env.KEEPSET_BIN ?? join(root, "target/debug");
/** How each of our programs is asked for help; the words before its own arguments are a command of it. */
const OURS = {
  keepset: (words) => [join(programs, "keepset"), [...words, "--help"]],
  "keepset-collector": (words) => [join(programs, "keepset-collector"), [...words, "--help"]],
  "npx keepset": () => [process.execPath, [join(installed.dist, "cli.js"), "--help"]],
};
/** The verbs of `cargo xtask`, as its source lists them, with their own text. */
const XTASK = readFileSync(join(root, "xtask/src/main.rs"), "utf8").split("enum Verb {")[1].split("\n}")[0];

/** The commands of a block, a line each, without comments and what is done with their output. */
const commands = ({ code }) =>
  code.replaceAll(/\\\n\s*/g, " ").split(/\n|&&|;/).map((line) => line.replace(/(^|\s)#.*$/, "").replace(/\s[|>].*$/, "").trim()).filter(Boolean);

/** What is wrong with a command of ours; nothing when it is of another. */
function wrong(command) {
  const verb = /^cargo xtask (\S+)/.exec(command)?.[1];
  if (verb) return new RegExp(`\\b${verb[0].toUpperCase()}${verb.slice(1)}\\b`).test(XTASK) ? undefined : `cargo xtask has no ${verb}`;
  const line = command.replace(/^cargo run .*-p keepset-cli -- /, "keepset ");
  const name = Object.keys(OURS).find((name) => line.startsWith(`${name} `));
  if (!name) return undefined;
  const words = line.slice(name.length).trim().split(/\s+/);
  const verbs = words.slice(0, words.findIndex((word) => !/^[a-z]+$/.test(word) || word === "STORE") >>> 0);
  const asked = help(name, verbs);
  if (!asked) return `${name} has no ${verbs.join(" ")}`;
  return words.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.split("=")[0]).filter((option) => !new RegExp(`(^|[\\s\\[,])${option}\\b`, "m").test(asked)).map((option) => `${name} ${verbs.join(" ")} has no ${option}`)[0];
}

/** The help of the longest command that these words name. */
function help(name, verbs) {
  const [program, args] = OURS[name](verbs);
  const { status, stdout, error } = run(program, ...args);
  if (error) throw error;
  return status === 0 ? stdout : undefined;
}

test("commands are commands of a shell, and ours have the verbs and the options that are named", () => {
  const seen = { ours: 0, others: 0 };
  for (const block of [...all("commands"), ...all("elsewhere").filter(({ language }) => language === "sh")]) {
    const parsed = run("bash", "-n", "-c", block.code);
    assert.equal(parsed.status, 0, `${at(block)}: ${parsed.stderr}`);
    let ours = 0;
    for (const command of commands(block)) {
      assert.equal(wrong(command), undefined, `${at(block)}: ${command}`);
      if (/^(npx keepset|keepset|keepset-collector|cargo (xtask|run)) /.test(command)) ours += 1;
    }
    assert.equal(ours > 0, block.word === "", `${at(block)}: ${ours} commands of ours; a block without any is marked "sh elsewhere", and no other`);
    seen[ours > 0 ? "ours" : "others"] += 1;
  }
  assert.ok(seen.ours > 10);
});

test("a verb and an option that do not exist are found", () => {
  assert.match(wrong("cargo xtask fly"), /has no fly/);
  assert.match(wrong("keepset replay --fast"), /has no --fast/);
  assert.match(wrong("keepset-collector keys new --kees k"), /has no --kees/);
  assert.match(wrong("npx keepset compile --fast pack.json"), /has no --fast/);
  assert.match(wrong("keepset flying"), /has no flying/);
  assert.equal(wrong("keepset replay --pack p --mapping m --events e"), undefined);
});

test("the collector knows every setting of its file", () => {
  const known = help("keepset-collector", []);
  for (const block of all("settings")) {
    for (const [, key] of block.code.matchAll(/^([\w-]+) = /gm)) assert.match(known, new RegExp(`^ +--${key} `, "m"), `${at(block)}: ${key}`);
  }
  assert.ok(all("settings").length > 0);
});
