// `keepset/stats`: what a client costs, and budgets that hold.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { nextWindow, start } from "./support/client.mjs";
import { ALL, DAY, shelf, shop } from "./support/packs.mjs";
import { arrived, code, codes, files, grant, installed, orders, ready, track, visit } from "./support/visit.mjs";

const { budgeted } = await import(pathToFileURL(join(installed.dist, "stats.js")).href);

/** A collector that keeps what arrives and answers in order, then "accepted". */
function front(answers = []) {
  const bodies = [];
  const transport = async ({ body }) => (bodies.push(body), { outcome: answers.shift() ?? "accepted" });
  return { bodies, collector: { url: "https://r.example", transport }, bytes: () => bodies.reduce((sum, { length }) => sum + length, 0) };
}

/** A client with these budgets to whom everything is granted. */
async function granted(budgets, options = {}) {
  const run = start({ runtime: budgeted(budgets), ...options });
  await run.client.consent.set(ALL);
  await run.client.ready;
  return run;
}

/** The profile as it is stored. */
const held = (values) => [...values.values()].reduce((sum, { length }) => sum + length, 0);

test("what is not counted is null, and what is counted is what happened", async () => {
  const plain = start();
  assert.equal(await plain.client.stats(), null);
  await plain.client.destroy();
  const values = new Map();
  const { bodies, collector, bytes } = front(["failed"]);
  const run = await granted({}, { collector, storage: shelf(values) });
  const { client } = run;
  for (let n = 0; n < 5; n += 1) client.track("purchase", { value: 1 });
  client.track("purchase", { value: "much" });
  client.track("visit", {}, { id: "once" });
  client.track("visit", {}, { id: "once" });
  client.track("no such event");
  await client.ledger.list();
  const early = await client.stats();
  assert.deepEqual([early.backend, early.events, early.refused], ["wasm", 6, { invalid_event: 1, undeclared: 1, duplicate: 1 }]);
  assert.deepEqual([early.sentBytes, early.lastReport, early.held, early.deferred, early.waiting], [0, null, null, 0, 0]);
  assert.ok(early.mainThreadMs > 0 && early.storedBytes > 0);
  await nextWindow(run);
  await client.flush();
  assert.equal((await client.flush()).sent, 1);
  const late = await client.stats();
  // Sent twice, the second time with a known end.
  assert.deepEqual([bodies.length, late.sentBytes], [2, bytes()]);
  const [entry] = await client.ledger.list();
  assert.deepEqual(late.lastReport, { at: entry.at, outcome: "accepted", bytes: entry.size });
  assert.equal(late.refused.network, 1);
  assert.equal(late.storedBytes, held(values));
  await client.destroy();
});

test("where the budget of bytes is spent nothing more leaves within 28 days, it says so once, and then it goes on", async () => {
  const { bodies, collector } = front();
  const probe = await granted({}, { collector });
  await nextWindow(probe);
  await probe.client.flush();
  const size = bodies.pop().length;
  await probe.client.destroy();

  const run = await granted({ sent: 1.5 * size }, { collector });
  await nextWindow(run);
  assert.equal((await run.client.flush()).sent, 1);
  for (let day = 0; day < 5; day += 1) {
    await nextWindow(run);
    assert.deepEqual(await run.client.flush(), { sent: 0, queued: 1, skipped: "over_budget" });
  }
  assert.deepEqual([bodies.length, (await run.client.stats()).held, run.codes()], [1, "over_budget", ["over_budget"]]);
  run.clock.skip(28 * DAY);
  await nextWindow(run);
  assert.equal((await run.client.flush()).sent, 1);
  await run.client.destroy();
});

test("what would be more than the budget of storage is not stored, segments go on, and no report is made", async () => {
  const values = new Map();
  const { bodies, collector } = front();
  const run = await granted({ storage: 50 }, { collector, storage: shelf(values) });
  run.client.track("purchase", { value: 1 });
  await nextWindow(run);
  assert.equal((await run.client.flush()).skipped, "not_durable");
  assert.deepEqual([run.client.has("buyer"), run.codes(), bodies.length], [true, ["quota_exceeded"], 0]);
  assert.ok(held(values) <= 50);
  await run.client.destroy();
  // What fits is stored as ever.
  const roomy = await granted({ storage: 100_000 }, { collector, storage: shelf(values) });
  roomy.client.track("purchase", { value: 1 });
  await roomy.client.destroy();
  assert.ok(held(values) > 50);
});

test("events beyond the budget of time wait until the page is idle, in order, and none is lost", async () => {
  const values = new Map();
  const run = await granted({ cpu: 0 }, { storage: shelf(values) });
  const { client } = run;
  for (let n = 0; n < 11; n += 1) client.track("purchase", { value: 1 });
  // Within the page's next turns, and not at once.
  await new Promise((resolve) => client.whenIn("fan", resolve));
  assert.equal((await client.stats()).deferred, 11);
  client.track("purchase", { value: 1 });
  // A question does what waits, so its answer knows of it.
  assert.equal((await client.explain("fan")).condition.value, 12);
  client.track("purchase", { value: 1 });
  await client.destroy();
  const again = await granted({}, { storage: shelf(values) });
  assert.equal((await again.client.explain("fan")).condition.value, 13);
  await again.client.destroy();
});

test("while a browser saves data reports wait, seven days at most, unless the page says otherwise", async () => {
  const real = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  const connection = { saveData: true };
  Object.defineProperty(globalThis, "navigator", { value: { connection }, configurable: true });
  const plan = { ...shop().plan, epoch_days: 7, window_epochs: 4, windows_per_year: 13 };
  const due = async (run) => {
    for (let day = 0; day < 60 && !(await run.client.preview()); day += 1) run.clock.skip(DAY);
  };
  try {
    for (const [budgets, end] of [[{}, "off"], [{}, "patience"], [{ saveData: false }, "at once"]]) {
      connection.saveData = true;
      const { bodies, collector } = front();
      const run = await granted(budgets, { pack: shop({ plan }), collector });
      await due(run);
      if (end !== "at once") {
        assert.deepEqual(await run.client.flush(), { sent: 0, queued: 1, skipped: "saves_data" });
        assert.deepEqual([bodies.length, (await run.client.stats()).held, run.codes()], [0, "saves_data", []]);
        if (end === "off") connection.saveData = false;
        else run.clock.skip(7 * DAY);
      }
      assert.equal((await run.client.flush()).sent, 1, end);
      await run.client.destroy();
    }
  } finally {
    if (real) Object.defineProperty(globalThis, "navigator", real);
    else delete globalThis.navigator;
  }
});

/** A page whose client is counted. */
const counted = (runtime, options) =>
  `import { budgeted } from "/keepset/stats.js";\nimport { inWorker } from "/keepset/worker.js";\n${code(options).replace("clock:", `runtime: ${runtime}, clock:`)}`;

test("in a page it says what the engine runs as, and leaving the page stores what waited", async () => {
  const csp = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'";
  for (const [runtime, backend, policy] of [
    ["budgeted({ cpu: 0 })", "wasm", csp],
    ["budgeted({ runtime: inWorker() })", "worker", csp],
    // A worker that may not run it leaves it to the page, which may, and storage of the page is in the page.
    ["budgeted({ runtime: inWorker() })", "wasm", csp.replace("worker-src 'self'", "worker-src 'none'")],
    ["budgeted({ storage: 1_000_000, runtime: inWorker() })", "wasm", csp],
  ]) {
    const shopVisit = await visit({ files: { ...files(), "/page.js": counted(runtime) }, serve: { csp: policy } });
    const page = await shopVisit.open();
    assert.equal(await ready(page), "ready");
    await grant(page);
    await track(page, 11);
    await page.evaluate(() => keepset.ledger.list());
    assert.equal((await page.evaluate(() => keepset.stats())).backend, backend, runtime);
    // What is told in the turn in which the page is left does not wait.
    await page.evaluate(() => { keepset.track("purchase", { value: 1 }); dispatchEvent(new PageTransitionEvent("pagehide")); });
    await page.waitForTimeout(300);
    await page.reload();
    await arrived(page);
    assert.equal(await orders(page), 12, runtime);
    assert.deepEqual([await codes(page), page.problems], [[], []], runtime);
    await shopVisit.close();
  }
});

test("without WebAssembly it says so", async () => {
  const page_ = counted("budgeted()").replace("runtime:", 'nowasm: () => import("/keepset/nowasm.js"), runtime:');
  const shopVisit = await visit({ files: { ...files(), "/page.js": page_ }, serve: { csp: "default-src 'none'; script-src 'self'; connect-src 'self'" } });
  const page = await shopVisit.open();
  assert.equal(await ready(page), "ready");
  assert.equal((await page.evaluate(() => keepset.stats())).backend, "js");
  await shopVisit.close();
});
