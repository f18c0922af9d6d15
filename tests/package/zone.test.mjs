// Local time: the engine counts days and hours where the device is, through every change of its clocks.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { start } from "./support/client.mjs";
import { ALL, handClock, shop } from "./support/packs.mjs";

const HOUR = 3_600_000;
const home = process.env.TZ;
afterEach(() => {
  if (home === undefined) delete process.env.TZ;
  else process.env.TZ = home;
});

/** Counts orders by the local hour from which they count, and the local days with one. */
const pack = (hours) =>
  shop({
    features: {
      orders: { kind: "count", event: "purchase", where: { hours }, window_days: 28, title: "orders in these hours" },
      days: { kind: "distinct_days", event: "purchase", window_days: 28, title: "days with an order" },
    },
    segments: [
      { id: "buyer", title: "Buyer", reason: "because you bought", enter: { feature: "orders", op: ">=", value: 1 } },
      { id: "fan", title: "Fan", reason: "because you come often", enter: { feature: "days", op: ">=", value: 2 } },
    ],
  });

/** What the features say after orders at these instants, in a zone and with these hours counted. */
async function live(zone, hours, instants) {
  process.env.TZ = zone;
  const times = instants.map((text) => Date.parse(text));
  const clock = handClock(times[0]);
  const { client } = start({ pack: pack(hours), clock, storage: "memory" });
  client.consent.set(ALL);
  await client.ready;
  for (const time of times) {
    clock.skip(time - clock.now());
    client.track("purchase", { value: 1 });
    await client.ledger.list();
  }
  const value = async (id) => (await client.explain(id)).condition.value;
  const found = { orders: await value("buyer"), days: await value("fan") };
  await client.destroy();
  return found;
}

/** The hour an instant has where `Intl` says the device is. */
const hourThere = (zone, text) => Number(new Intl.DateTimeFormat("en-GB", { hour: "2-digit", hourCycle: "h23", timeZone: zone }).format(new Date(text)));

// London jumps ahead at 01:00 UTC of 29 March and back at 01:00 UTC of 25 October; Havana at midnight, to 01:00, of 8 March and
// at 01:00, to midnight, of 1 November; India never.
const CHANGES = {
  "Europe/London": ["2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z", "2026-10-25T00:59:59Z", "2026-10-25T01:00:00Z"],
  "America/Havana": ["2026-03-08T04:59:59Z", "2026-03-08T05:00:00Z", "2026-11-01T04:59:59Z", "2026-11-01T05:00:00Z"],
  "Asia/Kolkata": ["2026-03-29T18:29:59Z", "2026-03-29T18:30:00Z", "2026-10-25T18:29:59Z"],
  UTC: ["2026-03-28T23:59:59Z", "2026-03-29T00:00:00Z", "2026-10-25T01:00:00Z"],
};

for (const [zone, instants] of Object.entries(CHANGES)) {
  test(`the hours of ${zone} are the device's, to the second on both sides of every change`, async () => {
    for (const instant of instants) {
      const hour = hourThere(zone, instant);
      assert.equal((await live(zone, [hour, hour + 1], [instant])).orders, 1, `${instant} is in hour ${hour}`);
      const other = (hour + 1) % 24;
      assert.equal((await live(zone, [other, other + 1], [instant])).orders, 0, `${instant} is not in hour ${other}`);
    }
  });
}

test("a local day is one day, whether it has 23, 24 or 25 hours and where clocks change at midnight", async () => {
  const days = async (zone, ...instants) => (await live(zone, [0, 24], instants)).days;
  assert.equal(await days("Europe/London", "2026-10-24T23:00:00Z", "2026-10-25T23:59:59Z"), 1, "a day of 25 hours");
  assert.equal(await days("Europe/London", "2026-10-24T22:59:59Z", "2026-10-24T23:00:00Z"), 2);
  assert.equal(await days("America/Havana", "2026-03-08T04:59:59Z", "2026-03-08T05:00:00Z"), 2, "midnight is skipped and the day still begins");
  assert.equal(await days("America/Havana", "2026-11-01T04:00:00Z", "2026-11-01T05:30:00Z"), 1, "midnight comes twice and the day once");
  assert.equal(await days("Asia/Kolkata", "2026-06-01T18:29:59Z", "2026-06-01T18:30:00Z"), 2);
  assert.equal(await days("UTC", "2026-06-01T18:29:59Z", "2026-06-01T18:30:00Z"), 1);
});

test("a device that travels has the hours of the place it is in, and a table that has run out is made anew", async () => {
  process.env.TZ = "UTC";
  const clock = handClock(Date.parse("2026-06-01T12:00:00Z"));
  const { client } = start({ pack: pack([21, 22]), clock, storage: "memory" });
  client.consent.set(ALL);
  await client.ready;
  const orders = async () => {
    client.track("purchase", { value: 1 });
    return (await client.explain("buyer")).condition.value;
  };
  assert.equal(await orders(), 0);
  process.env.TZ = "Asia/Tokyo";
  // As a page does when it is looked at again.
  client.pause();
  client.resume();
  assert.equal(await orders(), 1);
  // Two years on, beyond the table of the start: a summer in London.
  process.env.TZ = "Europe/London";
  clock.skip(Date.parse("2028-07-01T20:30:00Z") - clock.now());
  assert.equal(await orders(), 1);
  clock.skip(-HOUR);
  await client.destroy();
});
