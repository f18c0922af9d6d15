// The sentiment of texts: the package's scores beside the vectors, in Node and in Chromium, and what is refused.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { installed, visit } from "./support/visit.mjs";

const { sentiment } = await import(join(installed.dist, "sentiment.js"));
const VECTORS = JSON.parse(readFileSync(new URL("../vectors/sentiment.json", import.meta.url), "utf8")).map(([text, score]) => [text, Number(score)]);
const LEXICON = readFileSync(new URL("../../crates/sentiment/models/en.ksl", import.meta.url));

/** The code of the error that something ends in. */
const refusal = (promise) => promise.then(() => assert.fail("nothing was refused"), (error) => error.code);

test("every text has the score of its vector, from the module and from CommonJS", async () => {
  const twin = createRequire(import.meta.url)(join(installed.dist, "sentiment.cjs"));
  for (const { score } of [await sentiment(), await twin.sentiment()]) {
    for (const [text, expected] of VECTORS) assert.equal(score(text), expected, text);
  }
});

test("a page scores the same bits, and asks the network for the copy in the package alone", async () => {
  const page = `import { sentiment } from "/keepset/sentiment.js"; globalThis.keepset = globalThis.tone = sentiment();`;
  const { open, close } = await visit({ files: { "/": '<!doctype html><title>chat</title><script type="module" src="/page.js"></script>', "/page.js": page } });
  const tab = await open();
  const asked = [];
  tab.on("request", (request) => asked.push(new URL(request.url()).pathname));
  const scores = await tab.evaluate(async (texts) => {
    const { score } = await tone;
    return texts.map(score);
  }, VECTORS.map(([text]) => text));
  assert.deepEqual(scores, VECTORS.map(([, score]) => score));
  assert.deepEqual(asked.filter((path) => !path.startsWith("/keepset/")), []);
  await close();
});

test("two lexicons live side by side, and a damaged one is refused with its reason", async () => {
  const [shipped, own] = [await sentiment(), await sentiment({ lexicon: LEXICON })];
  assert.equal(own.score("I love it"), shipped.score("I love it"));
  const bent = Uint8Array.from(LEXICON);
  bent[100] ^= 1;
  assert.equal(await refusal(sentiment({ lexicon: bent })), "invalid_options");
  await assert.rejects(sentiment({ lexicon: bent }), /lexicon.*changed or damaged/);
  assert.equal(await refusal(sentiment({ lexicon: new Uint8Array() })), "invalid_options");
  assert.equal(await refusal(sentiment({ lexicon: "en" })), "invalid_options");
});

test("a page without WebAssembly that cannot load the JavaScript either says so, and may ask again", async () => {
  let away = true;
  const page = `delete globalThis.WebAssembly; globalThis.keepset = import("/keepset/sentiment.js").then(({ sentiment }) => (globalThis.sentiment = sentiment));`;
  const html = '<!doctype html><title>chat</title><script type="module" src="/page.js"></script>';
  const { open, close } = await visit({ files: { "/": html, "/page.js": page }, serve: { answer: (path) => (away && /nowasm/.test(path) ? [503, "text/plain", ""] : undefined) } });
  const tab = await open();
  const ask = () => tab.evaluate(() => keepset.then(() => sentiment()).then(({ score }) => score("I love it"), ({ code }) => code));
  assert.equal(await ask(), "wasm_unsupported");
  await tab.reload();
  away = false;
  assert.ok((await ask()) > 0);
  await close();
});

test("what is no text is refused, and every text has a score within its bounds", async () => {
  const { score } = await sentiment();
  for (const no of [undefined, null, 3, {}]) assert.throws(() => score(no), { code: "invalid_argument" });
  for (const text of ["", "\ud800", "\0", "good ".repeat(100_000), "!".repeat(10_000)]) assert.ok(Math.abs(score(text)) <= 1);
});

test("a page that scores texts loads at most 25 kB more", () => {
  const size = (file) => gzipSync(readFileSync(join(installed.dist, file)), { level: 9 }).length;
  assert.ok(size("sentiment.js") + size("sentiment-inline.js") <= 25_000);
});
