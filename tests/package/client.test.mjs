// The client in Node: its promises to a page from the first call to the last.
import assert from "node:assert/strict";
import { test } from "node:test";

import { createClient, init, nextWindow, start } from "./support/client.mjs";
import { ALL, DAY, handClock, shelf, shop } from "./support/packs.mjs";
import { countingShelf } from "./support/shelves.mjs";

test("calls made before the engine is ready are kept, in order", async () => {
  const { client, heard } = start();
  client.track("purchase", { value: 5 });
  client.consent.set(ALL);
  client.track("purchase", { value: 5 });
  assert.equal(client.status, "starting");
  assert.equal(await client.ready, client);
  const why = await client.explain("buyer");
  assert.equal(why.condition.value, 1, "the purchase before consent must not count");
  assert.deepEqual(heard.change.map(({ entered }) => entered), [["buyer"]]);
  assert.equal(heard.ready.length, 1);
  await client.destroy();
});

test("the snapshot is the same object until something changes, and whenIn and subscribe tell of it", async () => {
  const { client, clock } = start();
  client.consent.set(ALL);
  const entered = [];
  let told = 0;
  client.whenIn("buyer", ({ since }) => entered.push(since));
  const off = client.subscribe(() => told++);
  await client.ready;
  client.track("visit");
  await client.ledger.list();
  const before = client.getSnapshot();
  client.track("visit");
  await client.ledger.list();
  assert.equal(client.getSnapshot(), before);
  client.track("purchase", { value: 1 });
  await client.ledger.list();
  assert.notEqual(client.getSnapshot(), before);
  assert.deepEqual(entered, [clock.now()]);
  assert.ok(client.has("buyer") && !client.has("fan") && Object.isFrozen(client.getSnapshot().segments));
  const calls = told;
  off();
  clock.skip(40 * DAY);
  await client.ledger.list();
  assert.ok(!client.has("buyer"), "time alone ends a membership");
  assert.equal(told, calls);
  await client.destroy();
});

test("a profile outlives its client, and another writer's newer record is built upon, not overwritten", async () => {
  // Two writers at a time are kept apart by a storage that compares and swaps.
  const storage = countingShelf();
  const clock = handClock();
  const one = createClient({ pack: shop(), clock, storage });
  await one.consent.set(ALL);
  const two = createClient({ pack: shop(), clock, storage });
  await two.ready;
  for (let n = 0; n < 6; n += 1) {
    one.track("purchase", { value: 1 });
    await one.ledger.list();
    await one.consent.set({ sharing: n % 2 ? "granted" : "denied" });
    two.track("purchase", { value: 1 });
    await two.consent.set({ sharing: n % 2 ? "denied" : "granted" });
  }
  await Promise.all([one.destroy(), two.destroy()]);
  const three = createClient({ pack: shop(), clock, storage });
  await three.ready;
  assert.equal((await three.explain("fan")).condition.value, 12);
  assert.ok(three.has("fan"));
  await three.destroy();
});

test("deleteAll forgets events, choices and ledger, and a new device waits again", async () => {
  const values = new Map();
  const storage = shelf(values);
  const run = start({ storage, collector: { url: "https://r.example", transport: async () => ({ outcome: "accepted" }) } });
  run.client.consent.set(ALL);
  run.client.track("purchase", { value: 1 });
  await nextWindow(run);
  assert.equal((await run.client.flush()).sent, 1);
  await run.client.deleteAll();
  assert.equal(values.size, 0);
  assert.deepEqual(run.client.getSnapshot().segments, []);
  assert.deepEqual(await run.client.ledger.list(), []);
  assert.equal(run.client.consent.get().storage, "pending");
  await run.client.consent.set(ALL);
  assert.deepEqual(await run.client.flush(), { sent: 0, queued: 0, skipped: "answered" });
  await run.client.destroy();
});

test("reset forgets what events left behind; choices and spent budget stay", async () => {
  const run = start({ collector: { url: "https://r.example", transport: async () => ({ outcome: "accepted" }) } });
  run.client.consent.set(ALL);
  run.client.track("purchase", { value: 1 });
  await nextWindow(run);
  await run.client.flush();
  await run.client.reset();
  assert.ok(!run.client.has("buyer"));
  assert.equal(run.client.consent.get().reporting, "granted");
  assert.equal((await run.client.ledger.budget()).spent, 2);
  await run.client.destroy();
});

test("aborting a wait rejects it with `aborted` and nothing else does", async () => {
  const { client } = start();
  const early = AbortSignal.abort();
  await assert.rejects(client.explain("buyer", { signal: early }), { code: "aborted" });
  const late = new AbortController();
  const waiting = client.exportData({ signal: late.signal });
  late.abort();
  await assert.rejects(waiting, { code: "aborted" });
  await client.destroy();
  assert.deepEqual(await client.ledger.list(), []);
});

test("init gives one client per name until it is destroyed, and its signal destroys it", async () => {
  const ends = new AbortController();
  const options = { pack: shop(), name: "one", signal: ends.signal };
  const first = init(options);
  assert.equal(init(options), first);
  assert.notEqual(init({ ...options, name: "two", signal: undefined }), first);
  ends.abort();
  await first.ready;
  assert.equal(first.status, "destroyed");
  first.track("purchase", { value: 1 });
  const next = init({ pack: shop(), name: "one" });
  assert.notEqual(next, first);
  await Promise.all([next.destroy(), init({ pack: shop(), name: "two" }).destroy()]);
});
