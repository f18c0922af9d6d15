// `keepset/adapt`: a model's score for a person, from what the pack declares to what a page gets.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { compiled } from "./support/compiled.mjs";
import { DAY } from "./support/packs.mjs";
import { code, grant, HTML, installed, ready, visit } from "./support/visit.mjs";

const { dist } = installed;
const { createTestClient } = await import(join(dist, "testing.js"));
const { adapt, reset } = await import(join(dist, "adapt.js"));
const vector = JSON.parse(readFileSync(fileURLToPath(new URL("../vectors/adapt.json", import.meta.url)), "utf8"));
const { pack } = vector;

/** The bits of a double, as the vectors write them. */
function bits(value) {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0).toString(16).padStart(16, "0");
}

/** What the device has learned, by the names of its features. */
const learned = async (client) => Object.fromEntries((await client.features()).filter(({ id }) => id.startsWith("buys.")).map(({ id, value }) => [id, value]));

/** A shop in which a person was asked and then bought nothing for so many fortnights. */
async function idle(fortnights, options = {}) {
  const shop = await createTestClient({ pack, ...options });
  await adapt(shop.client, "buys");
  for (let round = 0; round < fortnights; round += 1) {
    await shop.advance(15 * DAY);
    await adapt(shop.client, "buys");
  }
  return shop;
}

test("the vector gives the same bits from JavaScript", async () => {
  const shop = await createTestClient({ pack });
  for (const [index, { days, events }] of vector.steps.entries()) {
    await shop.advance(days * DAY);
    events.forEach((event) => shop.client.track(event));
    await shop.settle();
    const told = await adapt(shop.client, "buys");
    assert.deepEqual([bits(told.shipped), bits(told.score), told.learned], vector.expected[index], `step ${index}`);
  }
  assert.deepEqual(shop.errors, []);
  await shop.end();
});

test("a person's own history moves the score, within the limit, and says so in words", async () => {
  const shop = await idle(0);
  const first = await adapt(shop.client, "buys");
  assert.deepEqual(first, { score: -1.25, shipped: -1.25, moved: 0, learned: 0, because: "nothing was learned of this person" });
  for (let round = 1; round <= 30; round += 1) {
    await shop.advance(15 * DAY);
    const told = await adapt(shop.client, "buys");
    assert.equal(told.learned, round);
    assert.ok(told.moved < 0 && told.moved >= -1.5 && Math.abs(told.score - told.shipped - told.moved) < 1e-12, JSON.stringify(told));
    assert.equal(told.because, `this person's history lowers the score by ${Math.abs(told.moved).toFixed(2)}`);
  }
  let after;
  for (let round = 0; round < 12; round += 1) {
    await shop.advance(DAY);
    shop.client.track("purchase");
    await shop.advance(14 * DAY);
    after = await adapt(shop.client, "buys");
  }
  assert.ok(after.moved > -1, JSON.stringify(after));
  assert.deepEqual(shop.errors, []);
  await shop.end();
});

test("calls at the same time settle and begin a round once, and a person who comes again finds what was learned", async () => {
  const shop = await idle(2);
  await shop.advance(15 * DAY);
  const told = await Promise.all(Array.from({ length: 5 }, () => adapt(shop.client, "buys")));
  assert.ok(told.every(({ score }) => score === told[0].score) && told[0].learned === 3, JSON.stringify(told));
  const before = await learned(shop.client);
  assert.deepEqual([before["buys.rounds"], before["buys.pending"]], [4, 1]);
  const again = await shop.revisit();
  assert.deepEqual(await adapt(again, "buys"), told[0]);
  assert.deepEqual(await learned(again), before);
  await shop.end();
});

test("reset gives the shipped score to the bit, and it learns anew", async () => {
  const shop = await idle(4);
  assert.equal((await adapt(shop.client, "buys")).learned, 4);
  await shop.advance(DAY);
  await reset(shop.client, "buys");
  const told = await adapt(shop.client, "buys");
  assert.equal(bits(told.score), bits(told.shipped));
  assert.equal(told.learned, 0);
  await shop.advance(15 * DAY);
  assert.equal((await adapt(shop.client, "buys")).learned, 1);
  await shop.end();
});

test("without consent it is the shipped score or nothing, nothing is kept, and a withdrawal forgets", async () => {
  for (const granted of [[], ["storage"]]) {
    const shop = await createTestClient({ pack, granted });
    assert.equal(await adapt(shop.client, "buys"), null);
    await shop.end();
  }
  const shop = await createTestClient({ pack, granted: ["segmentation"] });
  const { client } = shop;
  for (let round = 0; round < 3; round += 1) {
    const told = await adapt(client, "buys");
    assert.deepEqual([told.score, told.moved, told.learned], [-1.25, 0, 0]);
    await reset(client, "buys");
    await shop.advance(15 * DAY);
  }
  assert.equal((await learned(client))["buys.rounds"], 0);
  await client.consent.set({ storage: "granted" });
  await adapt(client, "buys");
  await shop.advance(15 * DAY);
  assert.equal((await adapt(client, "buys")).learned, 1);
  const { stored } = await client.exportData();
  assert.ok(stored !== null);
  await client.consent.set({ storage: "denied" });
  assert.deepEqual((await adapt(client, "buys")).learned, 0);
  await client.consent.set({ storage: "granted" });
  assert.equal((await adapt(client, "buys")).learned, 1, "in this visit it is still known, as all features are");
  await client.consent.set({ segmentation: "denied" });
  assert.equal(await adapt(client, "buys"), null);
  await client.consent.set({ segmentation: "granted" });
  assert.equal((await adapt(client, "buys")).learned, 0, "what was learned went with the consent");
  await client.deleteAll();
  assert.equal((await client.exportData()).stored, null);
  await shop.end();
});

test("a model that does not adapt has no score here, and neither has one where nothing can run", async () => {
  const shop = await createTestClient({ pack });
  assert.equal(await adapt(shop.client, "sells"), null);
  assert.equal(await adapt(shop.client, undefined), null);
  await reset(shop.client, "sells");
  await shop.end();
  assert.equal(await adapt(shop.client, "buys"), null, "the client ended");
  const over = new AbortController();
  over.abort();
  const other = await createTestClient({ pack });
  await assert.rejects(adapt(other.client, "buys", { signal: over.signal }), { code: "aborted" });
  await other.end();
});

/** As strict as can be with a worker. */
const CSP = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'";

for (const [where, runtime] of [["in the page", "undefined"], ["in a worker", "inWorker()"]]) {
  test(`with the engine ${where}, two tabs of a site learn once, a tab killed in the middle loses nothing that was stored, and nothing is asked of the network but the package's own files`, async () => {
    const page = `import { inWorker } from "/keepset/worker.js"; import { adapt } from "/keepset/adapt.js"; globalThis.adapt = adapt;
      ${code({ pack: "/pack.keepset" }).replace("init({", `init({ runtime: ${runtime},`)}`;
    const shop = await visit({ files: { "/": HTML, "/page.js": page, "/pack.keepset": compiled(installed, pack) }, serve: { csp: CSP } });
    const tabs = [await shop.enter(), await shop.enter()];
    assert.deepEqual(await Promise.all(tabs.map(ready)), ["ready", "ready"]);
    const ask = (tab) => tab.evaluate(() => adapt(keepset, "buys"));
    assert.deepEqual(await Promise.all(tabs.map(ask)), [null, null], "before consent");
    await grant(tabs[0]);
    await tabs[1].waitForFunction(() => keepset.consent.get().storage === "granted");
    const asked = [];
    tabs.forEach((tab) => tab.on("request", (request) => asked.push(new URL(request.url()).pathname)));
    const [first, second] = await Promise.all(tabs.map(ask));
    assert.deepEqual(first, second);
    assert.deepEqual([first.shipped, first.score, first.learned], [-1.25, -1.25, 0]);
    const count = (tab, name) => tab.evaluate(async (id) => (await keepset.features()).find((feature) => feature.id === id).value, `buys.${name}`);
    assert.equal(await count(tabs[1], "rounds"), 1, "begun by both at once, it is one");
    // One asks and buys, and is gone before anything answers.
    await tabs[0].evaluate(() => void (adapt(keepset, "buys"), keepset.track("purchase"), adapt(keepset, "buys")));
    await tabs[0].close({ runBeforeUnload: false });
    const late = await shop.enter();
    assert.equal(await ready(late), "ready");
    const told = await ask(late);
    assert.equal(bits(told.score), bits(told.shipped));
    assert.deepEqual([await count(late, "rounds"), await count(late, "pending"), told.learned], [1, 1, 0]);
    // The tab that takes over from the dead one reads the site's pack.
    assert.deepEqual(asked.filter((path) => !path.startsWith("/keepset/") && path !== "/pack.keepset"), []);
    assert.deepEqual([tabs[1], late].flatMap((tab) => tab.problems), []);
    await shop.close();
  });
}

test("a mistake in how a model adapts is named with its place", async () => {
  const wrong = structuredClone(pack);
  wrong.models.buys.adapt.outcome = "sells";
  await assert.rejects(createTestClient({ pack: wrong }), /\$\.models\.buys\.adapt\.outcome/);
});

test("a page that adapts loads at most 25 kB more", () => {
  const size = (file) => gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;
  assert.ok(size("adapt.js") <= 4_000, `${size("adapt.js")}`);
  assert.ok(size("adapt.js") + size("adapt-inline.js") <= 25_000, `${size("adapt.js")} + ${size("adapt-inline.js")}`);
});
