// `keepset/testing`: the real engine in a developer's test.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { install } from "./support/installed.mjs";
import { DAY, shelf, shop } from "./support/packs.mjs";

const { dist, folder } = install();
const { createTestClient } = await import(join(dist, "testing.js"));

test("a test begins with everything granted, and what it tracks is looked at when it settles", async () => {
  const shopTest = await createTestClient({ pack: shop() });
  const { client, clock, changes } = shopTest;
  assert.equal(new Date(clock.now()).toISOString(), "2026-01-01T00:00:00.000Z");
  client.track("purchase", { value: 10 });
  assert.equal(client.has("buyer"), false, "not before the engine looked at it");
  await shopTest.settle();
  assert.deepEqual(client.getSnapshot().segments, [{ id: "buyer", since: clock.now() }]);
  assert.deepEqual(changes.map(({ entered, left }) => [entered, left]), [[["buyer"], []]]);
  assert.deepEqual(shopTest.errors, []);
  await shopTest.end();
  assert.equal(client.status, "destroyed");
});

test("time passes when the test says so: the buyer of four weeks ago is none any more, and a report was made and seen", async () => {
  const shopTest = await createTestClient({ pack: shop() });
  shopTest.client.track("purchase", { value: 10 });
  await shopTest.advance(DAY);
  await shopTest.advance(DAY);
  assert.ok(shopTest.client.has("buyer"));
  const [{ report, outcome }, ...more] = shopTest.reports;
  assert.deepEqual([report.question, report.kind, report.epsilon, outcome], ["sizes", "report", 2, "accepted"]);
  assert.ok(report.sealed.length > report.body.length && more.length <= 1);
  await shopTest.advance(28 * DAY);
  assert.equal(shopTest.client.has("buyer"), false);
  assert.deepEqual(shopTest.changes.at(-1).left, ["buyer"]);
  await shopTest.end();
});

test("without the grant of a purpose nothing of it happens", async () => {
  const none = await createTestClient({ pack: shop(), granted: [] });
  none.client.track("purchase", { value: 10 });
  await none.advance(3 * DAY);
  assert.deepEqual([none.client.getSnapshot().segments, none.reports.length], [[], 0]);
  await none.end();
  const quiet = await createTestClient({ pack: shop(), granted: ["segmentation", "storage"] });
  quiet.client.track("purchase", { value: 10 });
  await quiet.advance(3 * DAY);
  assert.deepEqual([quiet.client.has("buyer"), quiet.reports.length], [true, 0]);
  await quiet.end();
});

test("a person who comes again is known, and what the collector answers is the test's to say", async () => {
  const asked = [];
  const storage = shelf();
  const shopTest = await createTestClient({ pack: shop(), storage, now: new Date("2027-03-01"), collector: (report) => (asked.push(report.question), "refused") });
  shopTest.client.track("purchase", { value: 10 });
  const before = shopTest.client;
  await shopTest.revisit();
  assert.notEqual(shopTest.client, before);
  assert.ok(shopTest.client.has("buyer"));
  await shopTest.advance(DAY);
  await shopTest.advance(DAY);
  assert.ok(asked.length >= 1 && asked.every((question) => question === "sizes"));
  assert.equal(shopTest.reports[0].outcome, "refused");
  assert.equal((await shopTest.client.ledger.list())[0].outcome, "refused");
  await shopTest.end();
});

test("a pack that is wrong fails the test with its place, and so is a wrong event heard", async () => {
  await assert.rejects(createTestClient({ pack: shop({ segments: [{ id: "x" }] }) }), (error) => error.code === "pack_invalid" && /\$\.segments\[0\]/.test(error.message));
  const shopTest = await createTestClient({ pack: shop() });
  shopTest.client.track("purchase", { value: -1 });
  await shopTest.settle();
  assert.deepEqual(shopTest.errors.map(({ code }) => code), ["invalid_event"]);
  await shopTest.end();
});

test("a test file may be CommonJS, and ends by itself", () => {
  const file = join(folder, "shop.test.cjs");
  writeFileSync(file, `
    const { createTestClient } = require("keepset/testing");
    require("node:test").test("a buyer", async () => {
      const shop = await createTestClient({ pack: ${JSON.stringify(shop())} });
      shop.client.track("purchase", { value: 1 });
      await shop.settle();
      require("node:assert").ok(shop.client.has("buyer"));
      await shop.end();
    });`);
  // Not one of this test's own tests.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  assert.match(execFileSync(process.execPath, ["--test", file], { encoding: "utf8", env }), /pass 1\b/);
});
