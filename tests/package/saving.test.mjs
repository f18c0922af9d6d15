// What is written for an event, and what is left when writing goes wrong.
import assert from "node:assert/strict";
import { test } from "node:test";

import { createClient, nextWindow, start } from "./support/client.mjs";
import { ALL, handClock, shop } from "./support/packs.mjs";
import { countingShelf, joined } from "./support/shelves.mjs";

const kept = (client) => client.consent.set({ sharing: "granted" });
const orders = async (client) => (await client.explain("fan")).condition.value;
/** Buys once and waits until it is stored, by itself and not by a choice that writes everything. */
async function buy(storage, client) {
  const before = storage.writes.length;
  client.track("purchase", { value: 1 });
  while (storage.writes.length === before) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("an event is put behind what is stored, and what is stored opens as what it was", async () => {
  const storage = countingShelf();
  const run = start({ storage });
  await run.client.consent.set(ALL);
  const whole = storage.writes.length;
  for (let n = 0; n < 5; n += 1) await buy(storage, run.client);
  const behind = storage.writes.slice(whole);
  assert.ok(behind.every(([how, bytes]) => how === "append" && bytes < 200), JSON.stringify(behind));
  // The device dies here: nothing is closed.
  const again = start({ storage });
  await again.client.ready;
  assert.equal(await orders(again.client), 5);
  await buy(storage, again.client);
  assert.equal(storage.writes.at(-1)[0], "append", "the next visit goes on behind it");
  assert.equal(await orders(again.client), 6);
  await again.client.destroy();
  const third = start({ storage });
  await third.client.ready;
  assert.equal(await orders(third.client), 6);
  assert.deepEqual(third.codes(), []);
  await third.client.destroy();
});

test("a store that cannot append gets everything at once, and after many pieces everything is written anew", async () => {
  const plain = countingShelf({ behind: false });
  const run = start({ storage: plain });
  await run.client.consent.set(ALL);
  for (let n = 0; n < 3; n += 1) await buy(plain, run.client);
  assert.ok(plain.writes.every(([how]) => how === "swap"));
  await run.client.destroy();
  const again = start({ storage: plain });
  await again.client.ready;
  assert.equal(await orders(again.client), 3);
  await again.client.destroy();
  const storage = countingShelf();
  const long = start({ storage });
  await long.client.consent.set(ALL);
  const first = storage.writes.length;
  for (let n = 0; n < 60; n += 1) await buy(storage, long.client);
  const how = storage.writes.slice(first).map(([how]) => how);
  assert.ok(how.includes("swap") && how.filter((one) => one === "append").length > 50, how.join());
  assert.ok(storage.value.length < 8_192, `${storage.value.length} bytes are stored`);
  await long.client.destroy();
});

test("a rush of events is a few writes, and a choice after them waits for them all", async () => {
  const storage = countingShelf();
  const { client } = start({ storage });
  await client.consent.set(ALL);
  const before = storage.writes.length;
  const begun = performance.now();
  for (let n = 0; n < 1_000; n += 1) client.track("purchase", { value: 1 });
  await kept(client);
  // Three where that is quick; and one in 25 ms, however long a slow machine takes.
  const most = 3 + (performance.now() - begun) / 25;
  assert.ok(storage.writes.length - before <= most, `${storage.writes.length - before} writes`);
  const again = start({ storage });
  await again.client.ready;
  assert.equal(await orders(again.client), 1_000);
  await Promise.all([client.destroy(), again.client.destroy()]);
});

test("two writers who append in turn do not lose, double or break anything", async () => {
  const storage = countingShelf();
  const clock = handClock();
  const one = createClient({ pack: shop(), clock, storage });
  await one.consent.set(ALL);
  const two = createClient({ pack: shop(), clock, storage });
  await two.ready;
  const errors = [];
  for (const client of [one, two]) client.on("error", (error) => errors.push(error.code));
  for (let n = 0; n < 20; n += 1) {
    one.track("purchase", { value: 1 });
    if (n % 2) await new Promise((resolve) => setTimeout(resolve, 20));
    two.track("purchase", { value: 1 });
    if (n % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 120));
  }
  await Promise.all([one.destroy(), two.destroy()]);
  const three = createClient({ pack: shop(), clock, storage });
  await three.ready;
  assert.equal((await three.explain("fan")).condition.value, 40);
  assert.deepEqual(errors, []);
  await three.destroy();
});

test("a record cut short anywhere opens without its last events, or says that it is damaged, and never buys a second answer", async () => {
  const storage = countingShelf();
  const collector = { url: "https://r.example", transport: async () => ({ outcome: "accepted" }) };
  const run = start({ storage, collector });
  await run.client.consent.set(ALL);
  await nextWindow(run);
  assert.equal((await run.client.flush()).sent, 1);
  const charged = storage.value.length;
  for (let n = 0; n < 4; n += 1) await buy(storage, run.client);
  await run.client.destroy();
  const whole = storage.value;
  const now = run.clock.now();
  let last = 0;
  for (let length = charged; length <= whole.length; length += 1) {
    const torn = countingShelf();
    torn.value = whole.slice(0, length);
    const clock = handClock(now);
    const client = createClient({ pack: shop(), clock, storage: torn, collector });
    const codes = [];
    client.on("error", ({ code }) => codes.push(code));
    await client.ready;
    assert.deepEqual(codes, []);
    const found = await orders(client);
    assert.ok(found >= last && found <= 4, `${found} after ${last} at ${length}`);
    last = found;
    assert.equal((await client.ledger.budget()).spentInWindow, 2, "what was charged stays charged");
    // What follows a piece cut short is written whole.
    client.track("purchase", { value: 1 });
    await kept(client);
    await client.destroy();
    const next = createClient({ pack: shop(), clock, storage: torn, collector });
    await next.ready;
    assert.equal(await orders(next), found + 1);
    await next.destroy();
  }
  assert.equal(last, 4);
  // A damaged byte in any piece is not taken for a shorter record, unless it only lengthens the last piece.
  for (let at = 0; at < whole.length; at += 7) {
    const damaged = countingShelf();
    damaged.value = whole.map((byte, index) => (index === at ? byte ^ 0x41 : byte));
    const client = createClient({ pack: shop(), clock: handClock(now), storage: damaged, collector });
    const codes = [];
    client.on("error", ({ code }) => codes.push(code));
    await client.ready;
    await client.consent.set(ALL);
    assert.equal((await client.flush()).sent, 0, `byte ${at}: ${codes}`);
    await client.destroy();
  }
});

test("an append that fails in the middle makes no report and leaves a profile that opens", async () => {
  let fail = false;
  const storage = countingShelf({ before: (how) => (fail && how === "append" ? "torn" : undefined) });
  let sent = 0;
  const run = start({ storage, collector: { url: "https://r.example", transport: async () => ((sent += 1), { outcome: "accepted" }) } });
  await run.client.consent.set(ALL);
  run.client.track("purchase", { value: 1 });
  await kept(run.client);
  fail = true;
  await buy(storage, run.client);
  await run.client.ledger.list();
  assert.equal(await orders(run.client), 2, "segments go on in memory");
  await nextWindow(run);
  assert.equal((await run.client.flush()).skipped, "not_durable");
  assert.deepEqual(run.codes(), ["storage_unavailable"]);
  assert.equal(sent, 0);
  await run.client.destroy();
  fail = false;
  const again = start({ storage });
  await again.client.ready;
  assert.equal(await orders(again.client), 1);
  assert.deepEqual(again.codes(), []);
  await again.client.destroy();
});

test("a record of the first version still opens, and the next save is of this one", async () => {
  const storage = countingShelf();
  const run = start({ storage });
  await run.client.consent.set(ALL);
  await buy(storage, run.client);
  await kept(run.client);
  await run.client.destroy();
  // A whole of today, dressed as version 1: its list had one length before it, and the bytes went to the end.
  const view = new DataView(storage.value.buffer, storage.value.byteOffset);
  const list = view.getUint16(1);
  const end = 7 + list + view.getUint32(3);
  const [tabs, bytes] = [storage.value.slice(7, 7 + list), storage.value.slice(7 + list, end)];
  storage.value = joined([1, list >> 8, list & 0xff], tabs, bytes);
  const before = storage.writes.length;
  const again = start({ storage });
  await again.client.ready;
  assert.equal(await orders(again.client), 1);
  await buy(storage, again.client);
  assert.equal(storage.writes[before][0], "swap", "nothing is put behind a record of version 1");
  assert.equal(storage.value[0], 2);
  await again.client.destroy();
});

test("what has outlived its time is gone before anything is answered, in every answer and on disk", async () => {
  const storage = countingShelf();
  const run = start({ storage, pack: shop({ retention_days: 365 }) });
  await run.client.consent.set(ALL);
  for (let n = 0; n < 12; n += 1) run.client.track("purchase", { value: 1 });
  await run.client.destroy();
  const old = storage.value;
  const clock = handClock(run.clock.now() + 3 * 365 * 86_400_000);
  let opened = false;
  const slow = { ...storage, swap: async (...call) => (assert.ok(!opened, "it was answered before it was gone"), storage.swap(...call)) };
  const client = createClient({ pack: shop({ retention_days: 365 }), clock, storage: slow });
  await client.ready;
  opened = true;
  const data = await client.exportData();
  assert.deepEqual([data.memberships, client.getSnapshot().segments], [[], []]);
  assert.deepEqual(data.features.map(({ id, value }) => [id, value ?? null]), [["ordered", null], ["orders", 0]]);
  assert.equal(data.intake.accepted, 0);
  assert.equal(data.consent.storage, "granted", "choices stay");
  const stored = Buffer.from(data.stored, "base64");
  assert.deepEqual(Buffer.from(storage.value).subarray(0, stored.length), stored);
  // A device that never saw an event stores as much.
  const fresh = countingShelf();
  const other = start({ storage: fresh, pack: shop({ retention_days: 365 }) });
  await other.client.consent.set(ALL);
  await other.client.destroy();
  assert.ok(storage.value.length < old.length && Math.abs(storage.value.length - fresh.value.length) < 40, `${old.length}, ${storage.value.length}, ${fresh.value.length}`);
  opened = false;
  await client.destroy();
});
