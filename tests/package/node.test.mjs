// The installed package in Node: the whole life of a report, and everything that may go wrong with it.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { collector } from "./support/collector.mjs";
import { install } from "./support/installed.mjs";
import { ALL, DAY, handClock, shelf, shop } from "./support/packs.mjs";

const installed = install();
const { createClient, init, isKeepsetError, KeepsetError } = await import(pathToFileURL(join(installed.dist, "node.js")).href);

/** A client with everything it tells written down. */
function start(options = {}) {
  const clock = handClock();
  const client = createClient({ pack: shop(), clock, storage: shelf(), ...options });
  const heard = { change: [], consent: [], report: [], error: [], ready: [] };
  for (const [type, list] of Object.entries(heard)) client.on(type, (event) => list.push(event));
  return { client, clock, heard, codes: () => heard.error.map(({ code }) => code) };
}

/** Goes to the first moment of a later day at which a report is due, one answer a day. */
async function nextWindow({ client, clock }) {
  await client.ready;
  await client.ledger.list();
  clock.skip(DAY);
}

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

test("the preview is what the collector receives, byte for byte, and nothing else is sent along", async () => {
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
  assert.deepEqual(new Uint8Array(body), preview.body);
  assert.equal(headers["content-type"], "application/vnd.keepset.reports");
  assert.equal(headers["x-shop"], "1");
  for (const name of ["cookie", "referer", "origin", "authorization"]) assert.equal(headers[name], undefined, name);
  const [entry] = await client.ledger.list();
  assert.deepEqual([entry.outcome, entry.id, entry.epsilon, entry.question], ["accepted", preview.id, 2, "sizes"]);
  assert.deepEqual(entry.body, preview.body);
  assert.deepEqual(heard.report.map(({ outcome, report }) => [outcome, report.outcome, report.id]), [["accepted", "accepted", preview.id]]);
  assert.deepEqual(await client.ledger.budget(), { perReport: 2, spentInWindow: 2, spent: 2, limit: 732 });
  assert.deepEqual(await client.flush(), { sent: 0, queued: 0, skipped: "answered" });
  const exported = JSON.parse(await (await client.ledger.export()).text());
  assert.equal(exported[0].body, body.toString("hex"));
  await client.destroy();
  front.close();
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
    (report) => (seen.push(report.body.slice()), report.body.fill(0), report),
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
  assert.equal((await client.ledger.list()).filter(({ body }) => body.length > 0).length, 0);
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

test("a profile outlives its client, and another writer's newer record is built upon, not overwritten", async () => {
  const values = new Map();
  const storage = {
    get: async (key) => values.get(key)?.slice(),
    set: async (key, value) => void values.set(key, value.slice()),
    delete: async (key) => void values.delete(key),
  };
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

test("a stored profile that was damaged starts empty, says so, and buys no second answer", async () => {
  const values = new Map();
  const storage = {
    get: async (key) => values.get(key)?.slice(),
    set: async (key, value) => void values.set(key, value.slice()),
    delete: async (key) => void values.delete(key),
  };
  const transport = async () => ({ outcome: "accepted" });
  const options = { storage, collector: { url: "https://r.example", transport } };
  const first = start(options);
  first.client.consent.set(ALL);
  first.client.track("purchase", { value: 1 });
  await first.client.flush();
  await first.client.destroy();
  const [[key, bytes]] = values;
  for (const damage of [bytes.slice(0, 20), bytes.map((byte, index) => (index === 40 ? byte ^ 1 : byte)), new Uint8Array(0), new Uint8Array(5000).fill(7)]) {
    values.set(key, damage);
    const run = start(options);
    await run.client.ready;
    assert.deepEqual(run.codes(), ["storage_corrupt"]);
    assert.ok(!run.client.has("buyer"));
    assert.deepEqual(run.client.consent.get().reporting, "pending");
    assert.deepEqual(values.get(key), damage, "without consent nothing is written over it");
    await run.client.consent.set(ALL);
    run.clock.skip(300 * DAY);
    assert.deepEqual(await run.client.flush(), { sent: 0, queued: 0, skipped: "budget" });
    await run.client.destroy();
  }
});

test("deleteAll forgets events, choices and ledger, and a new device waits again", async () => {
  const values = new Map();
  const storage = { get: async (key) => values.get(key), set: async (key, value) => void values.set(key, value), delete: async (key) => void values.delete(key) };
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

test("a pack with a mistake is refused with its path and a sentence", async () => {
  const wrong = {
    "$.segments[1].enter.op": shop({ segments: [shop().segments[0], { ...shop().segments[1], enter: { feature: "orders", op: ">>", value: 1 } }] }),
    "$.plan.epsilon": shop({ plan: { ...shop().plan, epsilon: 99 } }),
    "$.colour": shop({ colour: "blue" }),
  };
  for (const [path, pack] of Object.entries(wrong)) {
    const { client, codes } = start({ pack });
    await client.ready;
    assert.equal(client.status, "failed");
    assert.equal(client.error.code, "pack_invalid");
    assert.ok(client.error.message.includes(path), client.error.message);
    assert.deepEqual(codes(), ["pack_invalid"]);
  }
  for (const pack of ["{", "{}", "[]", "https://127.0.0.1:1/pack.json", {}]) {
    const { client } = start({ pack });
    await client.ready;
    assert.equal(client.status, "failed");
    assert.match(client.error.code, /^pack_(invalid|load_failed)$/);
  }
});

test("wrong options give a failed client and the name of the option, never an exception", async () => {
  const wrong = [undefined, null, 7, "x", [], {}, { pack: 1 }, { pack: {}, collector: 7 }, { pack: {}, collector: "ftp://x" }, { pack: {}, storage: {} }, { pack: {}, name: "a/b" }, { pack: {}, clock: 1 }, { pack: {}, debug: 7 }, { pack: {}, beforeSend: 1 }, { pack: {}, signal: {} }, { pack: {}, colour: 1 }, { get pack() { throw new Error("trap"); } }, new Proxy({}, { ownKeys() { throw new Error("trap"); } })];
  for (const options of wrong) {
    const client = createClient(options);
    await client.ready;
    assert.equal(client.status, "failed");
    assert.equal(client.error.code, "invalid_options");
    assert.ok(isKeepsetError(client.error) && client.error instanceof KeepsetError);
    client.track("x");
    assert.equal(await client.preview(), null);
  }
});

test("garbage given to any method never throws into the page", async () => {
  const traps = new Proxy({}, { get() { throw new Error("trap"); }, ownKeys() { throw new Error("trap"); }, getPrototypeOf() { throw new Error("trap"); } });
  const loop = {};
  loop.self = loop;
  const garbage = [undefined, null, NaN, -1, 1e308, 10n, "", "x".repeat(1e6), "\ud800", "__proto__", Symbol("s"), [], [1], loop, traps, () => { throw new Error("f"); }, new Date(NaN), Object.create(null), new Map([[1, 2]]), { __proto__: null, value: { deep: 1 } }, { signal: 1 }];
  const { client, heard } = start({ collector: { url: "https://r.example", transport: async () => ({ outcome: "nonsense" }) } });
  client.consent.set(ALL);
  await client.ready;
  const rejected = [];
  const call = (what) => {
    const result = what();
    if (result && typeof result.then === "function") result.then(() => undefined, (error) => rejected.push(error));
  };
  for (const a of garbage) {
    for (const b of garbage) {
      call(() => client.track(a, b));
      call(() => client.track("purchase", a, b));
    }
    for (const method of ["getSnapshot", "has", "whenIn", "subscribe", "explain", "preview", "flush", "exportData"]) call(() => client[method](a));
    call(() => client.on(a, a, a));
    call(() => client.on("change", a, a));
    call(() => client.consent.set(a));
    call(() => client.consent.onChange(a));
    for (const method of ["list", "budget", "next", "export"]) call(() => client.ledger[method](a));
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(rejected, []);
  assert.equal(client.status, "ready");
  assert.ok(heard.error.every(isKeepsetError));
  client.track("purchase", { value: 1 });
  assert.equal((await client.explain("buyer")).member, true, "the engine still works");
  await client.destroy();
});

test("a wrong event is refused with its place, and debug says each kind once", async () => {
  const said = [];
  const { client, heard } = start({ debug: (level, message) => said.push(`${level} ${message}`) });
  await client.consent.set(ALL);
  for (let twice = 0; twice < 2; twice += 1) {
    client.track("purchased");
    client.track("purchase", { value: 5000 });
    client.track("purchase", { value: [] });
    await client.ledger.list();
  }
  const messages = heard.error.map(({ message }) => message);
  assert.equal(messages.length, 6);
  assert.match(messages.find((text) => text.includes("purchased")), /^purchased: name: /);
  assert.ok(messages.some((text) => text.startsWith("purchase: properties.value: expected a number from 0 to 1000")));
  assert.ok(messages.some((text) => text.startsWith("purchase.value: expected")));
  assert.equal(said.length, 3);
  assert.equal((await client.explain("buyer")).condition.value, 0);
  await client.destroy();
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

test("without randomness there is no report, no crash, and it says so", async () => {
  const real = Object.getOwnPropertyDescriptor(globalThis, "crypto");
  const broken = {
    missing: undefined,
    throws: { getRandomValues() { throw new Error("no"); } },
    zeros: { getRandomValues: (bytes) => bytes.fill(0) },
    still: { getRandomValues: (bytes) => bytes.fill(9) },
  };
  const transport = async () => ({ outcome: "accepted" });
  for (const [what, value] of Object.entries(broken)) {
    const run = start({ collector: { url: "https://r.example", transport } });
    await run.client.consent.set(ALL);
    Object.defineProperty(globalThis, "crypto", { value, configurable: true });
    try {
      await nextWindow(run);
      assert.deepEqual(await run.client.flush(), { sent: 0, queued: 0, skipped: "no_entropy" }, what);
      assert.ok(run.codes().every((code) => code === "no_entropy") && run.codes().length > 0, what);
      assert.equal((await run.client.ledger.budget()).spent, 0, what);
    } finally {
      Object.defineProperty(globalThis, "crypto", real);
    }
    assert.equal((await run.client.flush()).sent, 1, `${what}: works again once there is randomness`);
    await run.client.destroy();
  }
});

test("an engine that is torn down in the middle of a draw is never entered again, and the page goes on", async () => {
  // A module of its own: what is torn down here must not be the engine of the other tests.
  const fresh = await import(`${pathToFileURL(join(installed.dist, "node.js")).href}?torn`);
  const clock = handClock();
  const sent = [];
  const transport = async () => (sent.push(1), { outcome: "accepted" });
  const real = Object.getOwnPropertyDescriptor(globalThis, "crypto");
  let calls = 0;
  const source = globalThis.crypto;
  // Passes the two looks at the source, and throws where no one can catch: when the samplers are seeded.
  const getRandomValues = (bytes) => {
    calls += 1;
    if (calls > 2) throw new Error("torn");
    return source.getRandomValues(bytes);
  };
  const codes = [];
  let client;
  Object.defineProperty(globalThis, "crypto", { value: { getRandomValues }, configurable: true });
  try {
    client = fresh.createClient({ pack: shop(), clock, collector: { url: "https://r.example", transport } });
    client.on("error", ({ code }) => codes.push(code));
    await client.consent.set(ALL);
    clock.skip(DAY);
    assert.equal((await client.flush()).sent, 0);
  } finally {
    Object.defineProperty(globalThis, "crypto", real);
  }
  assert.ok(calls > 2, "the draw was not torn");
  assert.equal(client.status, "failed");
  assert.deepEqual(codes, ["engine_crashed"]);
  client.track("purchase", { value: 1 });
  clock.skip(DAY);
  assert.deepEqual(await client.flush(), { sent: 0, queued: 0, skipped: "not_running" });
  assert.deepEqual(sent, []);
  await client.destroy();
});
