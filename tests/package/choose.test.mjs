// `keepset/choose`: which variant a device shows, from what the pack declares to what a page gets.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { compiled } from "./support/compiled.mjs";
import { DAY, shop as base } from "./support/packs.mjs";
import { code, grant, HTML, installed, ready, visit } from "./support/visit.mjs";

const { dist } = installed;
const { createTestClient } = await import(join(dist, "testing.js"));
const { choose } = await import(join(dist, "choose.js"));

/** A shop that asks nothing and has one choice. */
const pack = (more = {}) =>
  base({
    features: { orders: { kind: "count", event: "purchase", window_days: 365 } },
    segments: [{ id: "regular", title: "Regulars", reason: "They buy.", enter: { feature: "orders", op: ">=", value: 3 } }],
    plan: undefined,
    collector: undefined,
    choices: {
      banner: {
        title: "the banner",
        default: "plain",
        contexts: [{ segment: "regular", variants: { plain: {}, thanks: {} } }, { variants: { plain: {}, gift: {}, tour: {} } }],
        outcome: "purchase",
        within_days: 7,
        exploration: 10,
        ...more,
      },
    },
  });

/** What the device has learned, by the names of its features. */
const learned = async (client) => Object.fromEntries((await client.features()).filter(({ id }) => id.startsWith("banner.")).map(({ id, value }) => [id, value]));

test("a variant stands until its round is over, and what came of it is counted", async () => {
  const shop = await createTestClient({ pack: pack() });
  const first = await choose(shop.client, "banner");
  assert.ok(["plain", "gift", "tour"].includes(first.variant) && ["explore", "exploit"].includes(first.reason), JSON.stringify(first));
  assert.deepEqual(await Promise.all([choose(shop.client, "banner"), choose(shop.client, "banner")]), [first, first]);
  await shop.advance(DAY);
  shop.client.track("purchase");
  await shop.settle();
  assert.ok(shop.client.has("banner.won"));
  await choose(shop.client, "banner");
  const counts = await learned(shop.client);
  assert.deepEqual([counts["banner.rounds"], counts[`banner.others.${first.variant}.tried`], counts[`banner.others.${first.variant}.won`]], [2, 1, 1]);
  assert.equal(shop.client.has("banner.won"), false, "another round");
  await shop.advance(8 * DAY);
  await choose(shop.client, "banner");
  assert.equal((await learned(shop.client))["banner.rounds"], 3, "its time was over");
  assert.deepEqual(shop.errors, []);
  await shop.end();
});

test("calls at the same time begin one round, a person who comes again finds it, and a regular sees what is approved for regulars", async () => {
  const shop = await createTestClient({ pack: pack() });
  const [first, ...others] = await Promise.all(Array.from({ length: 5 }, () => choose(shop.client, "banner")));
  assert.ok(others.every((other) => other.variant === first.variant));
  assert.equal((await learned(shop.client))["banner.rounds"], 1);
  const again = await shop.revisit();
  assert.deepEqual(await choose(again, "banner"), first);
  for (let order = 0; order < 3; order += 1) again.track("purchase");
  await shop.settle();
  for (let round = 0; round < 12; round += 1) {
    assert.ok(["plain", "thanks"].includes((await choose(again, "banner")).variant));
    await shop.advance(8 * DAY);
  }
  await shop.end();
});

test("without consent to both it is the default, nothing is kept, and a withdrawal forgets", async () => {
  for (const granted of [[], ["storage"], ["segmentation"]]) {
    const shop = await createTestClient({ pack: pack(), granted });
    assert.deepEqual(await choose(shop.client, "banner"), { variant: "plain", reason: "default" });
    assert.ok(!((await learned(shop.client))["banner.rounds"] > 0));
    await shop.end();
  }
  const shop = await createTestClient({ pack: pack() });
  const { client } = shop;
  await choose(client, "banner");
  await client.consent.set({ storage: "denied" });
  assert.deepEqual(await choose(client, "banner"), { variant: "plain", reason: "default" });
  await client.consent.set({ storage: "granted" });
  await choose(client, "banner");
  await client.deleteAll();
  assert.equal((await client.exportData()).stored, null);
  assert.deepEqual(await choose(client, "banner"), { variant: "plain", reason: "default" });
  await client.consent.set({ segmentation: "granted", storage: "granted" });
  assert.equal((await learned(client))["banner.rounds"], 0);
  await shop.end();
});

test("a device that is held out sees the default for ever, and one without chance the default until it has some", async () => {
  const held = await createTestClient({ pack: pack({ holdout: 1 }) });
  for (let round = 0; round < 3; round += 1) {
    assert.deepEqual(await choose(held.client, "banner"), { variant: "plain", reason: "holdout" });
    await held.advance(10 * DAY);
  }
  await held.end();
  const shop = await createTestClient({ pack: pack() });
  const real = Object.getOwnPropertyDescriptor(globalThis, "crypto");
  Object.defineProperty(globalThis, "crypto", { configurable: true, value: undefined });
  const blind = await choose(shop.client, "banner");
  Object.defineProperty(globalThis, "crypto", real);
  assert.deepEqual(blind, { variant: "plain", reason: "default" });
  assert.notEqual((await choose(shop.client, "banner")).reason, "default");
  await shop.end();
});

test("a budget of none never explores, and what the pack knows beforehand decides", async () => {
  const contexts = [{ variants: { plain: { successes: 1, failures: 40 }, tour: { successes: 9, failures: 40 } } }];
  const shop = await createTestClient({ pack: pack({ contexts, exploration: 0 }) });
  for (let round = 0; round < 8; round += 1) {
    assert.deepEqual(await choose(shop.client, "banner"), { variant: "tour", reason: "exploit" });
    await shop.advance(8 * DAY);
  }
  await shop.end();
});

test("a choice the pack does not have is none, and neither has one where nothing can run", async () => {
  const shop = await createTestClient({ pack: pack() });
  assert.equal(await choose(shop.client, "text"), null);
  assert.equal(await choose(shop.client, undefined), null);
  await shop.end();
  assert.equal(await choose(shop.client, "banner"), null, "the client ended");
  const { choices: _, ...plain } = pack();
  const without = await createTestClient({ pack: plain });
  assert.equal(await choose(without.client, "banner"), null);
  await without.end();
  const over = new AbortController();
  over.abort();
  const other = await createTestClient({ pack: pack() });
  await assert.rejects(choose(other.client, "banner", { signal: over.signal }), { code: "aborted" });
  await other.end();
});

/** As strict as can be with a worker. */
const CSP = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'";

for (const [where, runtime] of [["in the page", "undefined"], ["in a worker", "inWorker()"]]) {
  test(`with the engine ${where}, the tabs of a site show the same variant, and nothing is asked of the network but the package's own files`, async () => {
    const page = `import { inWorker } from "/keepset/worker.js"; import { choose } from "/keepset/choose.js"; globalThis.choose = choose;
      ${code({ pack: "/pack.keepset" }).replace("init({", `init({ runtime: ${runtime},`)}`;
    const shop = await visit({ files: { "/": HTML, "/page.js": page, "/pack.keepset": compiled(installed, pack()) }, serve: { csp: CSP } });
    const tabs = [await shop.enter(), await shop.enter()];
    assert.deepEqual(await Promise.all(tabs.map(ready)), ["ready", "ready"]);
    const ask = (tab) => tab.evaluate(() => choose(keepset, "banner"));
    assert.deepEqual(await Promise.all(tabs.map(ask)), [1, 2].map(() => ({ variant: "plain", reason: "default" })), "before consent");
    await grant(tabs[0]);
    await tabs[1].waitForFunction(() => keepset.consent.get().storage === "granted");
    const asked = [];
    tabs.forEach((tab) => tab.on("request", (request) => asked.push(new URL(request.url()).pathname)));
    const [first, second] = await Promise.all(tabs.map(ask));
    assert.deepEqual(first, second);
    assert.ok(["explore", "exploit"].includes(first.reason), JSON.stringify(first));
    const rounds = await tabs[1].evaluate(async () => (await keepset.features()).find(({ id }) => id === "banner.rounds").value);
    assert.equal(rounds, 1, "begun by both at once, it is one");
    assert.deepEqual(asked.filter((path) => !path.startsWith("/keepset/")), []);
    assert.deepEqual(tabs.flatMap((tab) => tab.problems), []);
    await shop.close();
  });
}

test("a mistake in a choice is named with its place", async () => {
  await assert.rejects(createTestClient({ pack: pack({ outcome: "sale" }) }), /\$\.choices\.banner\.outcome/);
});

test("a page that chooses loads at most 16 kB more", () => {
  const size = (file) => gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;
  assert.ok(size("choose.js") <= 4_000);
  assert.ok(size("choose.js") + size("choose-inline.js") <= 16_000, `${size("choose.js")} + ${size("choose-inline.js")}`);
});
