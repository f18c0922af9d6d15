// The wait before a report leaves: uniform over eight seconds, and the same whatever the report says.
//
// The client is the shipped one with its own source of chance; only timers are held here, so that thousands of waits take seconds.
import assert from "node:assert/strict";
import { test } from "node:test";

import { start } from "./support/client.mjs";
import { ALL, DAY, shop } from "./support/packs.mjs";

const SPREAD_MS = 8_000;
const REPORTS = 2_000;
/** A window a day, for as many days. */
const pack = shop({ expires: "2100-01-01", plan: { ...shop().plan, expires: "2100-01-01" } });
/** A sound client fails each check once in a million runs, and this file less than once in 300,000. */
const FALSE_ALARM = 1e-6;

/** The largest distance between two distribution functions; sorted values against a law, or against others. */
function distance(values, law) {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.max(...sorted.flatMap((value, at) => [at, at + 1].map((count) => Math.abs(count / sorted.length - law(value)))));
}
const uniform = (value) => Math.min(Math.max(value / SPREAD_MS, 0), 1);
const empirical = (values) => (value) => values.filter((other) => other <= value).length / values.length;
/** What chance exceeds so seldom (Dvoretzky, Kiefer and Wolfowitz with Massart's constant): for one sample, and for two by Smirnov's limit. */
const limit = (n) => Math.sqrt(Math.log(2 / FALSE_ALARM) / (2 * n));
const isUniform = (waits) => distance(waits, uniform) <= limit(waits.length);
const areAlike = (waits, others) => distance(waits, empirical(others)) <= limit((waits.length * others.length) / (waits.length + others.length));

/** Holds back, for the time of `run`, the timers that keep no process alive; `run` lets one ring and hears how long it was to wait. */
async function withTimers(run) {
  const { setTimeout: later, clearTimeout: forget } = globalThis;
  const held = new Map();
  globalThis.setTimeout = (ring, wait, ...given) => {
    const handle = later(ring, wait, ...given);
    handle.unref = () => (forget(handle), held.set(handle, { ring, wait }), handle);
    return handle;
  };
  globalThis.clearTimeout = (handle) => held.delete(handle) || forget(handle);
  /** The one wait of a report, once it has begun. */
  const next = async () => {
    for (let look = 0; look < 5_000; look += 1) {
      const found = [...held].filter(([, { wait }]) => wait < SPREAD_MS);
      if (found.length > 0) {
        assert.equal(found.length, 1);
        const [[handle, { ring, wait }]] = found;
        held.delete(handle);
        ring();
        return wait;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    throw new Error("no report waits to leave");
  };
  try {
    return await run(next);
  } finally {
    Object.assign(globalThis, { setTimeout: later, clearTimeout: forget });
  }
}

/** The waits of a device that is in a segment, or in none. */
const waitsOf = (member) =>
  withTimers(async (next) => {
    const transport = async () => ({ outcome: "accepted" });
    const run = start({ pack, collector: { url: "https://r.example", transport } });
    const { client, clock } = run;
    await client.consent.set(ALL);
    const waits = [];
    for (let day = 0; day < REPORTS; day += 1) {
      if (member && day % 14 === 0) client.track("purchase", { value: 1 });
      await client.ledger.list();
      const left = new Promise((resolve) => client.on("report", resolve, { once: true }));
      clock.skip(DAY);
      waits.push(await next());
      assert.equal((await left).outcome, "accepted");
      assert.equal(client.has("buyer"), member);
    }
    await client.destroy();
    return waits;
  });

test("two thousand reports each of a member and of who is in no segment wait for a time uniform in eight seconds, and alike", async () => {
  const [member, other] = [await waitsOf(true), await waitsOf(false)];
  assert.deepEqual([member.length, other.length], [REPORTS, REPORTS]);
  assert.ok(isUniform(member), `a member's waits are ${distance(member, uniform)} from uniform`);
  assert.ok(isUniform(other), `the others' waits are ${distance(other, uniform)} from uniform`);
  assert.ok(areAlike(member, other), `they are ${distance(member, empirical(other))} apart`);
  // The checks can fail: waits a tenth shorter, and a member's that is a fifth shorter than another's.
  assert.ok(!isUniform(member.map((wait) => 0.9 * wait)));
  assert.ok(!areAlike(member.map((wait) => 0.8 * wait), other));
  // Nor does a wait tell of the one before: pairs fall evenly on four quarters of the plane, as 4.9 standard deviations allow (one in a million).
  const long = other.map((wait) => wait > SPREAD_MS / 2);
  const changes = long.slice(1).filter((now, at) => now !== long[at]).length;
  assert.ok(Math.abs(changes - (REPORTS - 1) / 2) < 4.9 * Math.sqrt((REPORTS - 1) / 4), `${changes} changes of side`);
});
