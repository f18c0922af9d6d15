// Add-ons with a module of their own where WebAssembly is forbidden: the same as JavaScript, found by themselves, to the bit.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

import { compiled } from "./support/compiled.mjs";
import { DAY, handClock, shelf, shop } from "./support/packs.mjs";
import { code, grant, HTML, installed, ready, visit } from "./support/visit.mjs";

const { dist } = installed;
const at = (file) => pathToFileURL(join(dist, file)).href;
const vectors = (name) => JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), "utf8"));
const ADDONS = ["sentiment", "choose", "adapt", "restore"];
const LEXICON = readFileSync(new URL("../../crates/sentiment/models/en.ksl", import.meta.url));

const choices = {
  banner: { title: "the banner", default: "plain", contexts: [{ variants: { plain: {}, gift: {}, tour: {} } }], outcome: "purchase", within_days: 7, exploration: 10 },
};
const chooser = shop({ choices, plan: undefined, collector: undefined });
const bytes = compiled(installed, chooser);
const nowasm = () => import(at("nowasm.js"));
const { createClient } = await import(at("node.js"));
const { adapt } = await import(at("adapt.js"));
const { sentiment } = await import(at("sentiment.js"));

// Node's own `fetch` reads answers with it; nothing is fetched below but by pages.
delete globalThis.WebAssembly;

/** The bits of a double, as the vectors write them. */
function bits(value) {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0).toString(16).padStart(16, "0");
}

test("every text has the score of its vector, as a module and as CommonJS, with a lexicon of one's own too", async () => {
  const twin = createRequire(import.meta.url)(join(dist, "sentiment.cjs"));
  for (const { score } of [await sentiment(), await twin.sentiment(), await sentiment({ lexicon: LEXICON })]) {
    for (const [text, expected] of vectors("sentiment")) assert.equal(score(text), Number(expected), text);
  }
  await assert.rejects(sentiment({ lexicon: new Uint8Array(9) }), { code: "invalid_options" });
});

test("the vector of adapted scores gives the same bits", async () => {
  const { pack, steps, expected } = vectors("adapt");
  const clock = handClock();
  const client = createClient({ pack, clock, storage: shelf(), nowasm });
  await client.consent.set({ segmentation: "granted", storage: "granted" });
  for (const [index, { days, events }] of steps.entries()) {
    clock.skip(days * DAY);
    events.forEach((event) => client.track(event));
    await client.features();
    const told = await adapt(client, "buys");
    assert.deepEqual([bits(told.shipped), bits(told.score), told.learned], expected[index], `step ${index}`);
  }
  await client.destroy();
});

/** As strict as a policy can be that lets a page have scripts of its own; with WebAssembly, or without. */
const policy = (wasm) => `default-src 'none'; script-src 'self'${wasm ? " 'wasm-unsafe-eval'" : ""}; connect-src 'self'; require-trusted-types-for 'script'`;
/** Chance that is the same in every page. */
const CHANCE = `let state = 7; crypto.getRandomValues = (array) => { const view = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  for (let n = 0; n < view.length; n += 1) view[n] = (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24; return array; };`;

/** What a page shows in twenty rounds, and which files of the package it asked for. */
async function shown(wasm) {
  const page = `${CHANCE} import { choose } from "/keepset/choose.js"; import { sentiment } from "/keepset/sentiment.js"; Object.assign(globalThis, { choose, sentiment });
    ${code({ pack: "/pack.keepset" }).replace("clock:", 'nowasm: () => import("/keepset/nowasm.js"), clock:')}`;
  const { enter, close, site } = await visit({ files: { "/": HTML, "/page.js": page, "/pack.keepset": bytes }, serve: { csp: policy(wasm) } });
  const tab = await enter();
  assert.equal(await ready(tab), "ready");
  await grant(tab);
  const told = await tab.evaluate(async (week) => {
    const told = [(await sentiment()).score("I love it")];
    for (let round = 0; round < 20; round += 1) {
      const { variant, reason } = await choose(keepset, "banner");
      told.push(`${variant} ${reason}`);
      if (round % 3 === 0) keepset.track("purchase");
      await keepset.features();
      skip(week);
    }
    return told;
  }, 8 * DAY);
  assert.deepEqual(tab.problems, []);
  await close();
  return { told, files: site.requests.filter((path) => /nowasm-/.test(path)).sort() };
}

test("with the same chance a page without WebAssembly shows what a page with it shows, and only it loads the JavaScript", async () => {
  const [without, withIt] = [await shown(false), await shown(true)];
  assert.deepEqual(without.told, withIt.told);
  assert.ok(new Set(without.told).size > 3, "several variants were shown");
  assert.deepEqual([without.files, withIt.files], [["/keepset/nowasm-choose.js", "/keepset/nowasm-sentiment.js"], []]);
});

test("no text in them is ever run, and none weighs more than 35 kB", () => {
  for (const file of ADDONS.map((name) => `nowasm-${name}.js`)) {
    const text = readFileSync(join(dist, file), "utf8");
    assert.doesNotMatch(text, /\beval\(|\bnew Function\b|\bFunction\(|WebAssembly/, file);
    assert.ok(gzipSync(text, { level: 9 }).length <= 35_000, file);
  }
});
