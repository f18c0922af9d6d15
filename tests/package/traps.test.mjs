// Traps that other packages of this kind fell into. Those that need a page of their own are beside the tests of that page, under the same names:
// T1 in `tabs`, T4, T5 and T8 in `consent-stores`, T6 and T7 in `page`, T9 in `loading`, T10 in `react` and `vue`.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import { install } from "./support/installed.mjs";
import { DAY, shelf, shop } from "./support/packs.mjs";

const { dist } = install();
const { createTestClient } = await import(join(dist, "testing.js"));
const HOUR = DAY / 24;

test("T2: a view and then a cart is a sequence, also where a cart came first; a cart and then a view is none", async () => {
  const event = { title: "t", properties: {} };
  const came = { kind: "sequence", title: "viewed, then put in the cart", steps: [{ event: "view" }, { event: "cart" }], within_days: 1, measure: "count" };
  const pack = shop({ events: { view: event, cart: event }, features: { came }, segments: [{ id: "came", title: "t", reason: "r", enter: { feature: "came", op: ">=", value: 1 } }], plan: undefined });
  const stories = [
    [["view", "cart"], true],
    [["cart", "view", "cart"], true],
    [["cart", "view"], false],
    [["view", "view"], false],
    [["view", 25, "cart"], false],
    [["view", 25, "cart", "view", 2, "cart"], true],
  ];
  for (const [story, member] of stories) {
    const tested = await createTestClient({ pack });
    for (const step of story) {
      if (typeof step === "number") await tested.advance(step * HOUR);
      else tested.client.track(step);
      tested.clock.skip(1_000);
      await tested.settle();
    }
    assert.equal(tested.client.has("came"), member, story.join(", "));
    await tested.end();
  }
});

test("T3: after 31 days what a window of 28 held is gone from memory and from disk, however little it was", async () => {
  const values = new Map();
  const pack = shop({ features: { orders: { kind: "count", event: "purchase", window_days: 28, title: "orders" }, worth: { kind: "sum", event: "purchase", property: "value", window_days: 28, title: "worth" } }, segments: [{ id: "buyer", title: "t", reason: "r", enter: { feature: "orders", op: ">=", value: 1 } }], plan: undefined });
  const tested = await createTestClient({ pack, storage: shelf(values) });
  const size = () => [...values.values()].reduce((sum, { length }) => sum + length, 0);
  const held = async () => (await tested.client.features()).map(({ id, value }) => [id, value ?? 0]);
  await tested.settle();
  tested.client.track("purchase", { value: 777 });
  await tested.settle();
  assert.deepEqual(await held(), [["orders", 1], ["worth", 777]]);
  await tested.advance(27 * DAY);
  assert.deepEqual(await held(), [["orders", 1], ["worth", 777]]);
  await tested.advance(4 * DAY);
  assert.deepEqual(await held(), [["orders", 0], ["worth", 0]]);
  await tested.revisit();
  assert.deepEqual(await held(), [["orders", 0], ["worth", 0]]);
  assert.equal(tested.client.has("buyer"), false);
  assert.ok(size() > 0 && size() < 20_000, `${size()} bytes`);
  await tested.end();
});

test("T7: a storage that is full is said once, segments go on, and no report leaves", async () => {
  const full = () => Promise.reject(Object.assign(new Error("full"), { name: "QuotaExceededError" }));
  const tested = await createTestClient({ pack: shop(), storage: { get: async () => undefined, set: full, delete: async () => undefined } });
  for (let n = 0; n < 11; n += 1) tested.client.track("purchase", { value: 1 });
  await tested.settle();
  assert.ok(tested.client.has("fan"));
  await tested.advance(DAY);
  await tested.advance(DAY);
  assert.deepEqual(tested.errors.map(({ code }) => code), ["quota_exceeded"]);
  assert.deepEqual(tested.reports, []);
  await tested.end();
});

test("T11: what leaves is one report a window of one length, whether ten events happened or ten thousand, and none without a collector's question", async () => {
  const bytes = {};
  for (const events of [10, 1_000, 10_000]) {
    const tested = await createTestClient({ pack: shop() });
    await tested.advance(DAY);
    const before = tested.reports.length;
    for (let n = 0; n < events; n += 1) tested.client.track("purchase", { value: n % 1000 });
    await tested.settle();
    await tested.advance(DAY);
    const left = tested.reports.slice(before).map(({ report }) => report.sealed.length);
    assert.equal(left.length, 1, `${events} events`);
    bytes[events] = left[0];
    await tested.end();
  }
  const [one, ...others] = Object.values(bytes);
  assert.ok(one < 200, `${one} bytes`);
  assert.deepEqual(others, [one, one]);
  const silent = await createTestClient({ pack: shop({ plan: undefined }) });
  for (let n = 0; n < 1_000; n += 1) silent.client.track("purchase", { value: 1 });
  await silent.advance(3 * DAY);
  assert.deepEqual(silent.reports, []);
  await silent.end();
});
