// What a page says of pages and people, who is at the device, and how it ends: the calls that are short for others, and several profiles behind one client.
import assert from "node:assert/strict";
import { test } from "node:test";

import { start } from "./support/client.mjs";
import { ALL, handClock, shelf, shop } from "./support/packs.mjs";

const value = async (client, id) => (await client.features()).find((feature) => feature.id === id);

/** A pack that counts views of pages and knows one trait. */
const knowing = () => {
  const pack = shop();
  const plan = { type: "category", values: ["free", "pro"] };
  Object.assign(pack.events, { page_view: { title: "t", properties: {} }, traits: { title: "t", properties: { plan, seats: { type: "number", min: 0, max: 99 } } } });
  Object.assign(pack.features, {
    views: { kind: "count", event: "page_view", window_days: 28, title: "views" },
    plan: { kind: "last", event: "traits", by: "plan", title: "plan" },
    seats: { kind: "last", event: "traits", property: "seats", title: "seats" },
  });
  return pack;
};

test("page() counts a view, a trait holds until it is said anew, and reset() forgets it", async () => {
  const { client, codes } = start({ storage: "memory", pack: knowing() });
  await client.consent.set(ALL);
  client.page();
  client.page({ title: "Nobody is told", path: "/secret" });
  client.setTraits({ plan: "pro", seats: 5 });
  client.setTraits({ seats: 7 });
  assert.equal((await value(client, "views")).value, 2);
  assert.equal((await value(client, "plan")).label, "pro");
  assert.equal((await value(client, "seats")).value, 7);
  client.setTraits({ plan: "gold" });
  assert.equal((await value(client, "plan")).label, "pro");
  assert.deepEqual(codes(), ["invalid_event"]);
  assert.doesNotMatch(JSON.stringify(await client.exportData()), /secret|Nobody/);
  await client.reset();
  assert.equal((await value(client, "plan")).value, undefined);
  await client.destroy();
});

test("enter and exit tell of one segment each, after the change they belong to", async () => {
  const { client } = start({ storage: "memory" });
  const told = [];
  client.on("change", ({ entered, left }) => told.push(["change", ...entered, ...left]));
  client.on("enter", ({ segment, membership }) => told.push(["enter", segment, membership.id]));
  client.on("exit", ({ segment, at }) => told.push(["exit", segment, at > 0]));
  await client.consent.set(ALL);
  client.track("purchase", { value: 1 });
  await client.features();
  for (let n = 0; n < 10; n += 1) client.track("purchase", { value: 1 });
  await client.features();
  await client.reset();
  assert.deepEqual(told, [
    ["change", "buyer"],
    ["enter", "buyer", "buyer"],
    ["change", "fan"],
    ["enter", "fan", "fan"],
    ["change", "buyer", "fan"],
    ["exit", "buyer", true],
    ["exit", "fan", true],
  ]);
  await client.destroy();
});

test("every account has a profile of its own behind one client: events, choices and what is stored", async () => {
  const values = new Map();
  const { client, codes } = start({ storage: shelf(values) });
  await client.consent.set(ALL);
  client.track("purchase", { value: 1 });
  await client.features();
  assert.equal(client.has("buyer"), true);

  const gone = client.setProfile("ann@example.org");
  // In force within the call: nothing of the one before is shown, nothing is allowed, and what is tracked is the new one's.
  assert.equal(client.has("buyer"), false);
  assert.equal(client.consent.get().segmentation, "pending");
  assert.equal(client.getSnapshot().status, "starting");
  const granted = client.consent.set(ALL);
  for (let n = 0; n < 11; n += 1) client.track("purchase", { value: 1 });
  await gone;
  await granted;
  assert.equal((await value(client, "orders")).value, 11);
  assert.equal(client.has("fan"), true);
  assert.equal(client.name, "default");

  await client.setProfile(null);
  assert.equal((await value(client, "orders")).value, 1);
  assert.deepEqual(client.getSnapshot().segments.map(({ id }) => id), ["buyer"]);
  // Two in one go: what was tracked in between belongs to the first of them, and the last one stays.
  const both = [client.setProfile("ann@example.org"), client.track("purchase", { value: 1 }), client.setProfile("bob")];
  await Promise.all(both);
  assert.equal(client.consent.get().segmentation, "pending");
  await client.setProfile("ann@example.org");
  assert.equal((await value(client, "orders")).value, 12);
  assert.deepEqual([...values.keys()].length, 2);
  assert.ok([...values.keys()].every((key) => /^default(\.[0-9a-f]{16})?$/.test(key)), "an account is named on disk");

  await client.deleteAll();
  assert.equal(values.size, 1);
  await client.setProfile("");
  assert.deepEqual(codes(), ["invalid_argument"]);
  await client.destroy();
});

test("the ledger lists from an instant on, and the newest of many", async () => {
  const clock = handClock();
  const { client } = start({ clock, storage: shelf(), collector: { url: "https://r.example", transport: async () => ({ outcome: "accepted" }) } });
  await client.consent.set(ALL);
  for (let day = 0; day < 4; day += 1) {
    clock.skip(86_400_000);
    await client.flush();
  }
  const all = await client.ledger.list();
  assert.ok(all.length >= 3, `${all.length} reports`);
  assert.deepEqual(await client.ledger.list({ limit: 2 }), all.slice(-2));
  assert.deepEqual(await client.ledger.list({ since: all[1].at }), all.slice(1));
  assert.deepEqual(await client.ledger.list({ limit: 0 }), []);
  await client.destroy();
});

test("a client ends with the block it was made in, where the language has that", async () => {
  const { client } = start({ storage: "memory" });
  const { asyncDispose } = Symbol;
  assert.equal(typeof client[asyncDispose], "function");
  await client[asyncDispose]();
  assert.equal(client.status, "destroyed");
});
