// `npx keepset types`: a pack's events and segments as the editor knows them; what must not compile does not.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { compiled } from "./support/compiled.mjs";
import { install } from "./support/installed.mjs";
import { shop } from "./support/packs.mjs";
import { BUNDLER, compiler, NODE16 } from "./support/tsc.mjs";

const installed = install();
const { folder, dist } = installed;
const compile = compiler(folder);
const packs = fileURLToPath(new URL("../../packs", import.meta.url));

const keepset = (...args) => spawnSync(process.execPath, [join(dist, "cli.js"), ...args], { cwd: folder, encoding: "utf8" });
const write = (name, content) => writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));

/** Every kind of property, a name that is no identifier, and words that try to end their comment. */
const everything = () => shop({
  events: {
    ...shop().events,
    "cart.add": {
      title: "put in the */ cart",
      properties: {
        price: { type: "money", currency: "EUR", min: 0, max: 900 },
        shelf: { type: "category", values: ["fresh", 'the "rest"'] },
        note: { type: "text", words: { good: 1 } },
        sku: { type: "id", title: "the article" },
        "in-store": { type: "flag" },
      },
    },
  },
});

/** Compiles code against the types of a pack; the code's first line is line 2. */
function against(pack, code, options = BUNDLER, name = "use.ts") {
  write("typed.json", pack);
  const { status, stdout, stderr } = keepset("types", "typed.json");
  assert.equal(status, 0, stderr);
  // In a CommonJS file of a package of modules, so are the types of the pack.
  const types = name.endsWith(".cts") ? "typed.d.cts" : "typed.d.ts";
  write(types, stdout);
  return compile(name, `/// <reference path="./${types}" />\nimport { init } from "keepset"; const k = init({ pack: {} });\n${code}`, options).errors;
}

test("an event, its properties and a segment of the pack compile, however the package is imported", () => {
  const right = `
    k.track("purchase", { value: 1, gift: true }); k.track("purchase"); k.track("visit"); k.track("visit", {}, { id: "v1" });
    k.track("cart.add", { price: 12.5, shelf: 'the "rest"', note: "so good", sku: "0815", "in-store": false });
    k.track("cart.add", { price: "12.50 EUR" }); k.track("purchase", { value: Math.random() > 0.5 ? 1 : undefined });
    k.has("fan"); void k.explain("buyer"); k.whenIn("buyer", ({ since }) => since);
    k.on("change", ({ entered }) => { const x: "buyer" | "fan" | undefined = entered[0]; return x; });`;
  for (const [name, options] of [["use.ts", BUNDLER], ["use.mts", NODE16], ["use.cts", NODE16]]) assert.deepEqual(against(everything(), right, options, name), [], name);
});

test("what the pack does not declare fails in the editor, at its line", () => {
  const wrong = [
    'k.track("prodct_view");',
    'k.track("purchase", { value: "1" });',
    'k.track("purchase", { valeu: 1 });',
    'k.track("purchase", { gift: 1 });',
    'k.track("visit", { value: 1 });',
    'k.track("cart.add", { price: "12.50 USD" });',
    'k.track("cart.add", { shelf: "frozen" });',
    'k.track("cart.add", { sku: 815 });',
    'k.has("regulr");',
    'void k.explain("cart.add");',
    'k.whenIn("fans", () => {});',
    'k.on("change", ({ left }) => left.includes("fans"));',
  ];
  for (const [n, line] of wrong.entries()) {
    const errors = against(everything(), line);
    assert.equal(errors.length, 1, `${line}: ${errors.join("\n") || "compiled"}`);
    assert.match(errors[0], /^use\.ts\(3,\d+\)/, `${n}: ${line}`);
  }
});

test("what the pack says of an event and of a property is what the editor shows", () => {
  write("typed.json", everything());
  const { stdout } = keepset("types", "typed.json");
  for (const words of ['from the pack "shop", version 1', "/** put in the *\\/ cart */", "/** 0 to 900 EUR */", "/** the article; only its hash is looked at */", "/** scored by its words, and dropped */"]) {
    assert.ok(stdout.includes(words), `${words} is not in\n${stdout}`);
  }
});

test("the types of every pack of this repository stand on their own", () => {
  for (const name of readdirSync(packs).filter((name) => existsSync(join(packs, name, "pack.json")))) {
    copyFileSync(join(packs, name, "pack.json"), join(folder, "one.json"));
    const { status, stdout, stderr } = keepset("types", "one.json", "-o", "one.d.ts");
    assert.deepEqual([status, stdout], [0, "one.d.ts: the events and segments of one.json\n"], stderr);
    const { events, segments } = JSON.parse(readFileSync(join(packs, name, "pack.json"), "utf8"));
    const uses = [...Object.keys(events).map((event) => `k.track(${JSON.stringify(event)});`), ...segments.map(({ id }) => `k.has(${JSON.stringify(id)});`)];
    const code = `/// <reference path="./one.d.ts" />\nimport { init } from "keepset"; const k = init({ pack: {} });\n${uses.join("\n")}`;
    assert.deepEqual(compile("one.ts", code, BUNDLER).errors, [], name);
  }
});

test("a pack that is wrong, compiled already or not there gives a sentence and no types", () => {
  write("wrong.json", shop({ segments: [{ id: "x" }] }));
  write("done.keepset", compiled(installed, shop()).toString("latin1"));
  for (const [args, says] of [[["wrong.json"], /^wrong\.json: \$\.segments\[0\]/], [["done.keepset"], /compiled already/], [["none.json"], /no such file/], [["typed.json", "-o", "typed.json"], /the pack itself/]]) {
    const { status, stdout, stderr } = keepset("types", ...args);
    assert.deepEqual([status, stdout], [1, ""], args.join(" "));
    assert.match(stderr, says);
  }
  assert.equal(keepset("types", "typed.json", "--keys", "keys.json").status, 2);
});
