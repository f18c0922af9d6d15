// The shared vectors from JavaScript: the steps of `tests/vectors` through a client, to the bit.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { ALL } from "./packs.mjs";

/** The vectors of the engine. */
export const VECTORS = ["count", "sum", "recency", "decayed_count", "distinct_days", "rules", "scores", "segments", "trees", "buying", "network"];

const folder = fileURLToPath(new URL("../../vectors/", import.meta.url));

/** The bits of a double, as the vectors write them. */
function bits(value) {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0).toString(16).padStart(16, "0");
}

/** Every comparison in an explanation, whatever it is part of. */
function compared(condition) {
  if (condition.kind === "feature" || condition.kind === "model") return [condition];
  return [...(condition.parts ?? []), ...(condition.part ? [condition.part] : [])].flatMap(compared);
}

/** Takes a client through a vector; days and hours are the device's own, and the vectors are told in UTC. */
export async function hold(name, createClient, options = {}) {
  const { pack, steps, expected } = JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8"));
  let now = steps[0].at;
  const client = createClient({ pack, storage: "memory", clock: { now: () => now }, ...options });
  client.consent.set(ALL);
  await client.ready;
  let checked = 0;
  for (const [index, { at, event }] of steps.entries()) {
    now = at;
    if (event) client.track(event.name, event.properties ?? {}, event.at === undefined ? {} : { at: event.at });
    // Looks at what time alone has changed, and waits for the event before it.
    await client.preview();
    const here = client.getSnapshot().segments.map(({ id }) => id);
    // A refused event changes nothing, not even the time; looking does, so there memberships may be ahead.
    if (!expected[index].refused) assert.deepEqual(here, expected[index].memberships, `${name}, step ${index}`);
    for (const { id } of pack.segments) {
      const { condition } = await client.explain(id);
      for (const { kind, id: what, value } of compared(condition)) {
        const known = kind === "feature" ? expected[index].features[what] : expected[index].scores[what];
        assert.equal(value == null ? null : bits(value), known, `${name}, step ${index}, ${what}`);
        checked += 1;
      }
    }
  }
  assert.ok(checked >= steps.length, "every step must have compared a number");
  await client.destroy();
}
