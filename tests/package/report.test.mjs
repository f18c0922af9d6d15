// The life of a report in Node: made, kept, handed out, retried, refused, withdrawn.
import assert from "node:assert/strict";
import { test } from "node:test";

import { nextWindow, start } from "./support/client.mjs";
import { collector } from "./support/collector.mjs";
import { unseal } from "./support/hpke.mjs";
import { ALL, DAY, START, sharing, shelf, shop } from "./support/packs.mjs";

test("the preview is what the collector receives and reads, byte for byte, and nothing else is sent along", async () => {
  const front = await collector();
  const run = start({ collector: { url: front.url, headers: { "x-shop": "1" } } });
  const { client, heard } = run;
  client.consent.set(ALL);
  client.track("purchase", { value: 5 });
  assert.equal(await client.preview(), null, "a new device waits for the next window");
  assert.equal((await client.ledger.next()).state, "answered");
  await nextWindow(run);
  const preview = await client.preview();
  assert.equal(preview.outcome, "waiting");
  assert.deepEqual(await client.flush(), { sent: 1, queued: 0 });
  assert.equal(front.requests.length, 1);
  const [{ url, method, headers, body }] = front.requests;
  assert.deepEqual([method, url], ["POST", "/v1/reports"]);
  assert.deepEqual(new Uint8Array(body), preview.sealed);
  assert.deepEqual(new Uint8Array(unseal(body)), preview.body);
  assert.equal(headers["content-type"], "application/vnd.keepset.sealed-reports");
  assert.equal(headers["x-shop"], "1");
  for (const name of ["cookie", "referer", "origin", "authorization"]) assert.equal(headers[name], undefined, name);
  const [entry] = await client.ledger.list();
  assert.deepEqual([entry.outcome, entry.id, entry.epsilon, entry.question], ["accepted", preview.id, 2, "sizes"]);
  assert.deepEqual([entry.body, entry.sealed], [preview.body, preview.sealed]);
  assert.deepEqual(heard.report.map(({ outcome, report }) => [outcome, report.outcome, report.id]), [["accepted", "accepted", preview.id]]);
  assert.deepEqual(await client.ledger.budget(), { perReport: 2, spentInWindow: 2, spent: 2, limit: 732 });
  assert.deepEqual(await client.flush(), { sent: 0, queued: 0, skipped: "answered" });
  const exported = JSON.parse(await (await client.ledger.export()).text());
  assert.equal(exported.entries[0].sealed, body.toString("hex"));
  assert.equal(exported.entries[0].body, Buffer.from(preview.body).toString("hex"));
  await client.destroy();
  front.close();
});

test("a sealed report says outside what everyone's says, and no two are alike", async () => {
  const sent = [];
  const transport = async ({ body }) => (sent.push(Buffer.from(body)), { outcome: "accepted" });
  for (let device = 0; device < 2; device += 1) {
    const run = start({ collector: { url: "https://r.example", transport } });
    run.client.consent.set(ALL);
    await run.client.ready;
    await nextWindow(run);
    assert.equal((await run.client.flush()).sent, 1);
    await run.client.destroy();
  }
  const [one, two] = sent;
  // version 1, key 1, plan 16, epoch 4: all the same; then a key of this report alone.
  assert.deepEqual(one.subarray(0, 22), two.subarray(0, 22));
  assert.notDeepEqual(one.subarray(22, 54), two.subarray(22, 54));
  assert.equal(one.length, two.length);
  for (const sealed of sent) assert.deepEqual(unseal(sealed).subarray(1, 17), sealed.subarray(2, 18));
  one[60] ^= 1;
  assert.throws(() => unseal(one));
});

test("a pack with no key for the time makes no report, charges nothing, and says so once", async () => {
  const day = (at) => new Date(at).toISOString().slice(0, 10);
  const [key] = shop().collector.keys;
  const over = [{ ...key, from: day(START - DAY), until: day(START) }];
  for (const collector of [undefined, { keys: over }]) {
    const run = start({ pack: shop({ collector }), collector: { url: "https://r.example", transport: async () => ({ outcome: "accepted" }) } });
    run.client.consent.set(ALL);
    await run.client.ready;
    await nextWindow(run);
    assert.deepEqual(await run.client.flush(), { sent: 0, queued: 0, skipped: "no_key" });
    assert.equal((await run.client.ledger.next()).state, "no_key");
    assert.equal((await run.client.ledger.budget()).spent, 0);
    await nextWindow(run);
    assert.equal((await run.client.flush()).skipped, "no_key");
    assert.deepEqual(run.codes(), ["no_key"]);
    assert.match(run.heard.error[0].message, /names no key that is in use/);
    await run.client.destroy();
  }
});

test("labels that cannot be sealed are said to lack a key, once", async () => {
  const day = (at) => new Date(at).toISOString().slice(0, 10);
  const [key] = shop().collector.keys;
  const pack = sharing({ collector: { keys: [{ ...key, from: day(START - DAY), until: day(START) }] }, plan: undefined });
  const run = start({ pack, collector: { url: "https://r.example", transport: async () => ({ outcome: "accepted" }) } });
  await run.client.consent.set(ALL);
  assert.deepEqual(run.codes(), [], "the first message is not due yet");
  for (let visit = 0; visit < 5; visit += 1) {
    run.clock.skip(DAY);
    await run.client.flush();
  }
  assert.deepEqual(run.codes(), ["no_key"]);
  assert.deepEqual(await run.client.ledger.list(), []);
  await run.client.destroy();
});

test("a retry sends the same bytes, whatever the first answer was, until the collector itself has spoken", async () => {
  const front = await collector([
    [503, "application/problem+json", "{}"],
    [200, "text/html", "<p>Welcome to our hotel"],
    [403, "text/html", "<p>Forbidden by proxy"],
    [429, "application/problem+json", "{}", { "retry-after": "5" }],
    [200, "application/json", '{"accepted":0,"known":1}'],
  ]);
  const run = start({ collector: front.url });
  run.client.consent.set(ALL);
  await run.client.ready;
  await nextWindow(run);
  for (let attempt = 1; attempt <= 4; attempt += 1) {
    run.client.track("purchase", { value: attempt });
    assert.deepEqual(await run.client.flush(), { sent: 0, queued: 1, skipped: "offline" });
    assert.equal((await run.client.ledger.list())[0].attempts, attempt);
  }
  assert.deepEqual(await run.client.flush(), { sent: 1, queued: 0 });
  const bodies = front.requests.map(({ body }) => body.toString("hex"));
  assert.equal(bodies.length, 5);
  assert.equal(new Set(bodies).size, 1);
  assert.deepEqual(new Set(run.codes()), new Set(["network"]));
  await run.client.destroy();
  front.close();
});

test("a report the collector refuses is never sent again, and stays paid for", async () => {
  const front = await collector([[410, "application/problem+json", '{"type":"window-closed"}']]);
  const run = start({ collector: front.url });
  run.client.consent.set(ALL);
  await run.client.ready;
  await nextWindow(run);
  assert.deepEqual(await run.client.flush(), { sent: 0, queued: 0, skipped: "refused" });
  assert.deepEqual(await run.client.flush(), { sent: 0, queued: 0, skipped: "answered" });
  assert.equal(front.requests.length, 1);
  assert.equal((await run.client.ledger.list())[0].outcome, "refused");
  assert.equal((await run.client.ledger.budget()).spent, 2);
  assert.deepEqual(run.codes(), ["collector_rejected"]);
  await run.client.destroy();
  front.close();
});

test("beforeSend sees the exact bytes, cannot change them, and drops a report by null or by failing", async () => {
  const seen = [];
  const ways = [
    (report) => (seen.push(report.sealed.slice()), report.sealed.fill(0), report.body.fill(0), report),
    () => null,
    () => {
      throw new Error("no");
    },
  ];
  const sent = [];
  const transport = async ({ body }) => (sent.push(body), { outcome: "accepted" });
  const run = start({ collector: { url: "https://r.example", transport }, beforeSend: (report) => ways.shift()(report) });
  run.client.consent.set(ALL);
  await run.client.ready;
  const results = [];
  for (let day = 0; day < 3; day += 1) {
    await nextWindow(run);
    results.push(await run.client.flush());
  }
  assert.deepEqual(results, [{ sent: 1, queued: 0 }, { sent: 0, queued: 0, skipped: "dropped" }, { sent: 0, queued: 0, skipped: "dropped" }]);
  assert.deepEqual(sent, seen);
  assert.deepEqual((await run.client.ledger.list()).map(({ outcome }) => outcome), ["accepted", "refused", "refused"]);
  await run.client.destroy();
});

test("a report is sent by itself, a little after it fell due and not at once", async () => {
  const front = await collector();
  const run = start({ collector: front.url });
  run.client.consent.set(ALL);
  await run.client.ready;
  const sent = new Promise((resolve) => run.client.on("report", resolve));
  await nextWindow(run);
  await run.client.ledger.list();
  assert.equal(front.requests.length, 0);
  // The server keeps the process alive; the client's own timers never do.
  assert.equal((await sent).outcome, "accepted");
  assert.equal(front.requests.length, 1);
  await run.client.destroy();
  front.close();
});

test("what is due and cannot be done is not tried again at once", async () => {
  let writes = 0;
  const { get, set, delete: remove } = shelf();
  const storage = { get, set: (key, value) => ((writes += 1), set(key, value)), delete: remove };
  const run = start({ storage });
  run.client.consent.set(ALL);
  await nextWindow(run);
  run.client.track("visit");
  await run.client.ledger.list();
  const before = writes;
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.ok(writes - before <= 2, `${writes - before} writes in half a second of rest`);
  await run.client.destroy();
});

test("without a collector nothing is drawn, charged or sent", async () => {
  const run = start();
  run.client.consent.set(ALL);
  await run.client.ready;
  await nextWindow(run);
  assert.deepEqual(await run.client.flush(), { sent: 0, queued: 0, skipped: "no_collector" });
  assert.equal(await run.client.preview(), null);
  assert.equal((await run.client.ledger.budget()).spent, 0);
  await run.client.destroy();
});

test("withdrawing stops the upload under way, erases, and then confirms", async () => {
  const order = [];
  const transport = ({ signal }) =>
    new Promise((_, reject) => {
      order.push("sending");
      signal.addEventListener("abort", () => (order.push("aborted"), reject(signal.reason)));
    });
  const written = new Map();
  const storage = {
    get: async (key) => written.get(key),
    set: async (key, value) => void written.set(key, value.slice()),
    delete: async (key) => void (order.push("deleted"), written.delete(key)),
  };
  const run = start({ storage, collector: { url: "https://r.example", transport } });
  const { client } = run;
  client.on("consent", ({ state }) => order.push(`confirmed ${state.storage}`));
  await client.consent.set(ALL);
  client.track("purchase", { value: 1 });
  await nextWindow(run);
  await client.preview();
  const flushed = client.flush();
  while (!order.includes("sending")) await new Promise((resolve) => setTimeout(resolve, 1));
  const done = client.consent.set({ segmentation: "denied", storage: "denied", reporting: "denied" });
  assert.equal(client.consent.get().reporting, "denied", "a refusal is in force at once");
  await done;
  await flushed;
  assert.deepEqual(order, ["confirmed granted", "sending", "aborted", "deleted", "confirmed denied"]);
  assert.equal(written.size, 0);
  assert.ok(!client.has("buyer"));
  assert.equal((await client.ledger.list()).filter(({ body, sealed }) => body.length + sealed.length > 0).length, 0);
  await client.destroy();
});

test("what is kept in memory only makes no report, because its charge would not last", async () => {
  let sent = 0;
  const transport = async () => ((sent += 1), { outcome: "accepted" });
  const run = start({ storage: "memory", collector: { url: "https://r.example", transport } });
  run.client.consent.set(ALL);
  run.client.track("purchase", { value: 1 });
  for (let day = 0; day < 5; day += 1) {
    await nextWindow(run);
    assert.equal((await run.client.flush()).skipped, "not_durable");
  }
  assert.equal(sent, 0);
  assert.equal(run.client.has("buyer"), true);
  await run.client.destroy();
});

test("nothing is handed out before the storage has confirmed the charge, nor when it fails", async () => {
  const log = [];
  let disk = Promise.resolve();
  const storage = {
    get: async () => undefined,
    set: async () => undefined,
    delete: async () => undefined,
    swap: async () => (await disk, log.push("stored"), true),
  };
  const transport = async () => (log.push("sent"), { outcome: "accepted" });
  const run = start({ storage, collector: { url: "https://r.example", transport } });
  await run.client.consent.set(ALL);
  let confirm;
  disk = new Promise((resolve) => (confirm = resolve));
  log.length = 0;
  await nextWindow(run);
  const flushed = run.client.flush();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(log, [], "the report is drawn and waits for the disk");
  confirm();
  assert.equal((await flushed).sent, 1);
  assert.deepEqual([log[0], log.filter((what) => what === "sent").length], ["stored", 1]);
  disk = Promise.reject(new Error("disk"));
  disk.catch(() => undefined);
  log.length = 0;
  await nextWindow(run);
  assert.deepEqual(await run.client.flush(), { sent: 0, queued: 1, skipped: "not_durable" });
  assert.deepEqual(log, []);
  assert.deepEqual(run.codes(), ["storage_unavailable"]);
  await run.client.destroy();
});

test("while paused nothing is counted and nothing is sent", async () => {
  const front = await collector();
  const run = start({ collector: front.url });
  await run.client.consent.set(ALL);
  run.client.pause();
  assert.equal(run.client.status, "paused");
  run.client.track("purchase", { value: 1 });
  await nextWindow(run);
  assert.equal((await run.client.flush()).skipped, "paused");
  run.client.resume();
  assert.equal((await run.client.explain("buyer")).condition.value, 0);
  assert.equal((await run.client.flush()).sent, 1);
  assert.equal(front.requests.length, 1);
  await run.client.destroy();
  front.close();
});
