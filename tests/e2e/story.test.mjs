// The story of one report: a pack, a plan, a collector, many devices and what may be said of them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { compiled } from "../package/support/compiled.mjs";
import { install } from "../package/support/installed.mjs";
import { ALL, DAY, handClock, shelf } from "../package/support/packs.mjs";
import { collect, folder, keepset, keys, pack } from "./support/programs.mjs";

const installed = install();
const { createClient } = await import(pathToFileURL(join(installed.dist, "node.js")).href);
const source = JSON.parse(readFileSync(pack, "utf8"));
const { plan } = source;
const { file, published } = keys();
/** What a page of the shop loads: the pack, with the collector's keys. */
const shipped = compiled(installed, { ...source, collector: published });
const WINDOW_MS = plan.epoch_days * plan.window_epochs * DAY;
/** The first day of a window, years after the plan began. */
const START = Date.parse(plan.starts) + 100 * WINDOW_MS;

/** One device: its own clock, its own store, everything granted unless said otherwise. */
async function device(name, collector, consent = ALL) {
  const clock = handClock(START + DAY);
  const client = createClient({ pack: shipped, name, clock, collector, storage: shelf() });
  client.consent.set(consent);
  await client.ready;
  return { client, clock };
}

/** What the people of the story do on their first day. */
const HABITS = {
  spender: (client) => [400, 350, 300].forEach((value) => client.track("purchase", { value })),
  collector: (client) => [1, 2].forEach(() => client.track("coupon_redeem")),
  quiet: () => {},
};

/** Lives on until the report of the next window is sent, at the random day the device chose; or through that whole window. */
async function report({ client, clock }, habit) {
  HABITS[habit](client);
  await client.ledger.list();
  let outcome;
  clock.skip(WINDOW_MS - DAY);
  for (let day = 0; day < WINDOW_MS / DAY && !outcome?.sent; day += 1) {
    clock.skip(DAY);
    await client.ledger.list();
    outcome = await client.flush();
  }
  return { outcome, best: client.has("best"), coupons: client.has("coupon_lover") };
}

const segment = ({ segments }, id) => segments.find((one) => one.id === id);

test("a pack and its plan are one thing for the tool, the collector and the device", async () => {
  assert.match(keepset("check", "--pack", pack), /ok/);
  const collector = await collect(folder(), file);
  const served = await collector.get("/v1/plan");
  assert.equal(served.id, plan.id);
  assert.deepEqual(await collector.get("/v1/keys"), published);
  assert.deepEqual(served.questions.map(({ id, segments }) => [id, segments]), plan.questions.map(({ id, segments }) => [id, segments]));
  assert.equal(await collector.stop(), 0);
});

test("a thousand devices report through the real collector, and the estimates hold the truth", async () => {
  const home = folder();
  const collector = await collect(home, file);
  const people = { spender: 400, collector: 250, quiet: 350 };
  for (const [habit, count] of Object.entries(people)) {
    for (let n = 0; n < count; n += 1) {
      const one = await device(`${habit}-${n}`, collector.url);
      const { outcome, best, coupons } = await report(one, habit);
      assert.deepEqual(outcome, { sent: 1, queued: 0 });
      assert.deepEqual([best, coupons], [habit === "spender", habit === "collector"]);
      await one.client.destroy();
    }
  }
  const { simulation, windows } = await collector.get("/v1/estimates");
  assert.equal(simulation, true);
  const [question] = windows.find(({ questions }) => questions.some(({ reports }) => reports > 0)).questions;
  assert.equal(question.reports, 1000);
  assert.deepEqual(question.epsilon.per_report, plan.epsilon);
  // Five standard errors on each side: fewer than 2 false alarms in a million runs over these three segments.
  for (const [id, truth] of [["best", 0.4], ["coupon_lover", 0.25], ["fuel", 0]]) {
    const found = segment(question, id);
    assert.ok(Math.abs(found.estimate - truth) < 5 * found.standard_error, `${id}: ${found.estimate} is far from ${truth}`);
    assert.ok(found.standard_error < 0.1, `${id}: ${found.standard_error} says nothing`);
    assert.ok(found.low <= found.high);
  }
  // The power fails: what was acknowledged is still there, with the same numbers on the dashboard.
  await collector.cut();
  const again = await collect(home, file);
  const [after] = (await again.get("/v1/estimates")).windows.find(({ questions }) => questions.some(({ reports }) => reports > 0)).questions;
  assert.deepEqual(after.segments, question.segments);
  assert.match(await again.page("/"), /1[,.\u202f ]?000/);
  assert.equal(await again.stop(), 0);
});

test("a device that withdraws sends nothing more, and one that never consented nothing at all", async () => {
  const collector = await collect(folder(), file);
  const received = async () => {
    const { windows } = await collector.get("/v1/estimates");
    return windows.flatMap(({ questions }) => questions).reduce((sum, { reports }) => sum + reports, 0);
  };
  const willing = await device("willing", collector.url);
  assert.deepEqual((await report(willing, "spender")).outcome, { sent: 1, queued: 0 });
  assert.equal(await received(), 1);
  willing.client.consent.set({ reporting: "denied" });
  willing.clock.skip(WINDOW_MS);
  assert.equal((await willing.client.flush()).sent, 0);
  const silent = await device("silent", collector.url, {});
  assert.equal((await report(silent, "spender")).outcome.sent, 0);
  assert.equal(await received(), 1);
  assert.equal(await collector.stop(), 0);
});
