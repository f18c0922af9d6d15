// What may go wrong in Node: damage, mistakes, garbage, no randomness, a torn-down engine.
import assert from "node:assert/strict";
import { cpSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { createClient, installed, isKeepsetError, KeepsetError, nextWindow, start } from "./support/client.mjs";
import { ALL, DAY, handClock, shelf, shop } from "./support/packs.mjs";

test("a stored profile that was damaged starts empty, says so, and buys no second answer", async () => {
  const values = new Map();
  const storage = shelf(values);
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

test("a wrong event is refused with its place, an undeclared one dropped and counted, and debug says each kind once", async () => {
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
  assert.equal(messages.length, 4);
  assert.ok(messages.some((text) => text.startsWith("purchase: properties.value: expected a number from 0 to 1000")));
  assert.ok(messages.some((text) => text.startsWith("purchase.value: expected")));
  assert.equal(said.length, 3);
  assert.ok(said.includes('warn The pack declares no event "purchased": it is not counted.'));
  assert.equal((await client.explain("buyer")).condition.value, 0);
  await client.destroy();
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

/**
 * Two clients of modules of their own, whose source of randomness throws after so many calls, while the first report of one is due, and again after so
 * many more. As `js`, where there is no WebAssembly.
 */
async function torn(gaps, js) {
  const copy = mkdtempSync(join(installed.folder, "torn-"));
  cpSync(installed.dist, copy, { recursive: true });
  const module = (file) => import(pathToFileURL(join(copy, file)).href);
  const kept = Object.getOwnPropertyDescriptors(globalThis);
  const source = globalThis.crypto;
  const run = { clock: handClock(), sent: [], throws: 0, codes: [], others: [] };
  let calls = 0;
  const getRandomValues = (bytes) => {
    if (calls === gaps[run.throws]) {
      calls = 0;
      run.throws += 1;
      throw new Error("torn");
    }
    calls += 1;
    return source.getRandomValues(bytes);
  };
  Object.defineProperty(globalThis, "crypto", { value: { getRandomValues }, configurable: true });
  if (js) Object.defineProperty(globalThis, "WebAssembly", { value: undefined, configurable: true });
  try {
    const { createClient } = await module("node.js");
    const transport = async ({ body }) => (run.sent.push(body), { outcome: "accepted" });
    const open = (name) => createClient({ name, pack: shop(), clock: run.clock, storage: shelf(), collector: { url: "https://r.example", transport }, ...(js ? { nowasm: () => module("nowasm.js") } : {}) });
    [run.client, run.other] = ["one", "other"].map(open);
    run.client.on("error", ({ code }) => run.codes.push(code));
    run.other.on("error", ({ code }) => run.others.push(code));
    await run.other.ready;
    await run.other.consent.set({ segmentation: "granted", storage: "granted" });
    run.other.track("purchase", { value: 1 });
    await run.other.simulate([{ name: "purchase", properties: { value: 5000 } }]);
    await run.client.consent.set(ALL);
    run.client.track("purchase", { value: 1 });
    await run.client.features();
    run.clock.skip(DAY);
    run.flushed = await run.client.flush();
    await run.other.features();
  } finally {
    for (const name of ["crypto", "WebAssembly"]) Object.defineProperty(globalThis, name, kept[name]);
  }
  return run;
}

/** The run in which draws were torn in the middle so many times, where no one can catch it: the first calls look whether the source is sound. */
async function tornInTheMiddle(times, js = false) {
  const gaps = [0];
  let before = [];
  for (;;) {
    const run = await torn(gaps, js);
    assert.equal(run.throws, gaps.length, "no draw was torn");
    assert.ok(run.codes.every((code) => ["no_entropy", "engine_crashed"].includes(code)), run.codes.join());
    const crashes = run.codes.filter((code) => code !== "no_entropy");
    if (crashes.length === times) {
      assert.ok(before.includes("no_entropy"), "a throw one call earlier is caught, and told");
      return run;
    }
    before = run.codes;
    await Promise.all([run.client.destroy(), run.other.destroy()]);
    if (crashes.length === gaps.length) gaps.push(0);
    else gaps[gaps.length - 1] += 1;
  }
}

for (const js of [false, true]) {
  test(`an engine ${js ? "as JavaScript " : ""}that is torn down in the middle of a draw is replaced by one that does what waits, and what was told is not lost`, async () => {
    const { client, other, codes, others, sent, flushed } = await tornInTheMiddle(1, js);
    assert.deepEqual(codes, ["engine_crashed"]);
    assert.equal(client.status, "ready");
    assert.deepEqual(flushed, { sent: 1, queued: 0 });
    assert.equal(sent.length, 1);
    const { spent, perReport } = await client.ledger.budget();
    assert.equal(spent, perReport, "charged once");
    assert.deepEqual((await client.ledger.list()).map(({ sealed }) => Buffer.from(sealed)), sent.map((body) => Buffer.from(body)));
    assert.ok(client.has("buyer"));
    // The other engine of the page was in the same instances. A refusal is the end of none.
    assert.deepEqual([others, other.status, other.has("buyer")], [["invalid_event", "engine_crashed"], "ready", true]);
    await Promise.all([client.destroy(), other.destroy()]);
  });
}

test("an engine that is torn down a second time is never entered again, and the page goes on", async () => {
  const { client, other, clock, codes, sent, flushed } = await tornInTheMiddle(2);
  assert.deepEqual(codes, ["engine_crashed", "engine_crashed"]);
  assert.deepEqual([client.status, client.error.code], ["failed", "engine_crashed"]);
  assert.deepEqual(flushed, { sent: 0, queued: 0, skipped: "not_running" });
  client.track("purchase", { value: 1 });
  clock.skip(DAY);
  assert.deepEqual(await client.flush(), { sent: 0, queued: 0, skipped: "not_running" });
  assert.deepEqual(sent, []);
  await Promise.all([client.destroy(), other.destroy()]);
});
