// Segments handed to ads: by the real Prebid.js in Chromium, and to Google's tag as its own types describe it.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";

import { bring, tools } from "./support/installed.mjs";
import { ALL, DAY, shop } from "./support/packs.mjs";
import { BUNDLER, compiler } from "./support/tsc.mjs";
import { arrived, code, grant, installed, ready, track, visit } from "./support/visit.mjs";

const { build } = createRequire(join(tools, "x.js"))("esbuild");
const { gptTargeting } = await import(join(installed.dist, "gpt.js"));
const { createTestClient } = await import(join(installed.dist, "testing.js"));
const SHARED = { segmentation: "granted", storage: "granted", sharing: "granted" };

bring(installed, ["prebid.js"]);
const { outputFiles: [{ text: PREBID }] } = await build({ stdin: { contents: 'import pbjs from "prebid.js"; pbjs.processQueue();', resolveDir: installed.folder }, bundle: true, format: "iife", write: false, logLevel: "error" });

/** The page of a shop that runs Prebid; its own data provider was there first. */
async function auction(segments) {
  const page = `${code()}
    import { prebidSegments } from "/keepset/prebid.js";
    globalThis.pbjs = { que: [() => pbjs.setConfig({ ortb2: { site: { name: "Shop" }, user: { data: [{ name: "weather", segment: [{ id: "rain" }] }] } } })] };
    globalThis.stop = prebidSegments(keepset, { name: "shop.example", segtax: 501, segments: ${JSON.stringify(segments)} });`;
  const files = { "/": '<!doctype html><title>shop</title><script type="module" src="/page.js"></script>', "/page.js": page, "/prebid.js": PREBID, "/pack.json": JSON.stringify(shop()) };
  const visited = await visit({ files });
  const tab = await visited.enter();
  const prebid = () => tab.evaluate(() => new Promise((resolve) => { document.head.append(Object.assign(document.createElement("script"), { src: "/prebid.js", onload: resolve })); }));
  /** What every bid request of the page would carry. */
  const data = () => tab.evaluate(() => pbjs.getConfig("ortb2"));
  return { ...visited, tab, prebid, data };
}

const WEATHER = { name: "weather", segment: [{ id: "rain" }] };
const ours = (...ids) => ({ name: "shop.example", segment: ids.map((id) => ({ id })), ext: { segtax: 501 } });

test("Prebid's first-party data holds a named segment while the person shares it, beside what others put there", async () => {
  const { tab, prebid, data, close } = await auction(["buyer"]);
  await grant(tab, SHARED);
  await track(tab, 12);
  await tab.waitForFunction(() => keepset.has("fan"));
  // Before Prebid is there it waits in its queue.
  await prebid();
  assert.deepEqual(await data(), { site: { name: "Shop" }, user: { data: [WEATHER, ours("buyer")] } });
  await grant(tab, { sharing: "denied" });
  assert.deepEqual((await data()).user.data, [WEATHER]);
  await grant(tab, { sharing: "granted" });
  assert.deepEqual((await data()).user.data, [WEATHER, ours("buyer")]);
  await tab.evaluate((ms) => skip(ms), 40 * DAY);
  await tab.waitForFunction(() => !keepset.has("buyer"));
  assert.deepEqual((await data()).user.data, [WEATHER]);
  await close();
});

test("without consent to sharing Prebid gets nothing, whatever else is granted, also on a later visit", async () => {
  const { tab, prebid, data, close } = await auction({ buyer: "b17", fan: "f3" });
  await grant(tab, { segmentation: "granted", storage: "granted", reporting: "granted" });
  await track(tab, 1);
  await tab.waitForFunction(() => keepset.has("buyer"));
  await prebid();
  assert.deepEqual((await data()).user.data, [WEATHER]);
  await tab.reload();
  await arrived(tab);
  await prebid();
  assert.deepEqual((await data()).user.data, [WEATHER]);
  // A yes of an earlier visit holds in a later one, under the words that stand for the segments.
  await grant(tab, ALL);
  await tab.reload();
  await arrived(tab);
  await prebid();
  assert.deepEqual((await data()).user.data, [WEATHER, ours("b17")]);
  await tab.evaluate(() => stop());
  assert.deepEqual((await data()).user.data, [WEATHER]);
  await close();
});

/** What Google's tag is asked for, as its page is: `targeting` is the key-values in force. */
function tag(modern) {
  const targeting = {};
  const apply = ({ targeting: values }) => Object.entries(values).forEach(([key, value]) => (value === null ? delete targeting[key] : (targeting[key] = value)));
  const pubads = () => ({ setTargeting: (key, value) => apply({ targeting: { [key]: value } }), clearTargeting: (key) => apply({ targeting: { [key]: null } }) });
  const cmd = { push: (command) => command() };
  return { targeting, tag: modern ? { cmd, setConfig: apply } : { cmd, pubads } };
}

for (const modern of [true, false]) {
  test(`the page's key-values follow the segments that are shared, with a tag that is ${modern ? "new" : "older than setConfig"}`, async () => {
    const tested = await createTestClient({ pack: shop(), granted: ["segmentation", "storage"] });
    const { client } = tested;
    const page = tag(modern);
    globalThis.googletag = undefined;
    const stop = gptTargeting(client, { segments: { buyer: "b17" }, key: "ks" });
    client.track("purchase", { value: 1 });
    await tested.settle();
    assert.equal(globalThis.googletag, undefined, "nothing shared, nothing touched");
    await client.consent.set({ sharing: "granted" });
    // The tag comes and does what its queue kept.
    const { cmd } = globalThis.googletag;
    globalThis.googletag = page.tag;
    cmd.forEach((command) => command());
    assert.deepEqual(page.targeting, { ks: ["b17"] });
    await tested.advance(40 * DAY);
    assert.deepEqual(page.targeting, {});
    client.track("purchase", { value: 1 });
    await tested.settle();
    assert.deepEqual(page.targeting, { ks: ["b17"] });
    await client.consent.set({ segmentation: "denied" });
    assert.deepEqual(page.targeting, {});
    stop();
    await tested.end();
    delete globalThis.googletag;
  });
}

test("options that name nothing, or what no ad server takes, hand out nothing and are said", async () => {
  const tested = await createTestClient({ pack: shop() });
  tested.client.track("purchase", { value: 1 });
  await tested.settle();
  const said = [];
  globalThis.reportError = (error) => said.push(error.code);
  for (const segments of [undefined, null, [], {}, [7], ["a b"], { buyer: "" }, ["x".repeat(41)]]) gptTargeting(tested.client, { segments });
  gptTargeting(tested.client, undefined);
  delete globalThis.reportError;
  assert.deepEqual(said, Array.from({ length: 9 }, () => "invalid_options"));
  assert.equal(globalThis.googletag, undefined);
  await tested.end();
});

test("the calls to Google's tag are those its types declare, and only segments of the pack can be named", () => {
  bring(installed, ["@types/google-publisher-tag"]);
  const compile = compiler(installed.folder);
  const head = `/// <reference types="google-publisher-tag" />
    import { init } from "keepset"; import { gptTargeting } from "keepset/gpt"; import { prebidSegments } from "keepset/prebid";
    declare module "keepset" { interface Register { segments: "buyer" | "fan" } }
    const k = init({ pack: {} });\n`;
  const asCalled = 'googletag.cmd.push(() => { googletag.setConfig({ targeting: { keepset: ["buyer"] } }); googletag.setConfig({ targeting: { keepset: null } }); googletag.pubads().setTargeting("keepset", ["buyer"]); googletag.pubads().clearTargeting("keepset"); });';
  const right = 'gptTargeting(k, { segments: ["buyer"] }); prebidSegments(k, { name: "shop.example", segments: { fan: "f3" } });';
  const { errors } = compile("ads.ts", head + asCalled + right, [...BUNDLER, "--skipLibCheck"]);
  assert.deepEqual(errors, []);
  for (const wrong of ['gptTargeting(k, { segments: ["byer"] });', 'prebidSegments(k, { name: "x", segments: { fans: "f3" } });', 'prebidSegments(k, { segments: ["fan"] });', "gptTargeting(k, {});"]) {
    assert.equal(compile("ads.ts", head + wrong, [...BUNDLER, "--skipLibCheck"]).errors.length, 1, wrong);
  }
});
