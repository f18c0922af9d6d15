// The noise of the shipped module: what it really draws against the law the estimator inverts.
//
// Nothing in the package exists for this test. A plan that asks once a day, a clock that skips days and a listener
// that keeps the reports make the public client answer thousands of times; `keepset audit` draws millions, past the seal that takes most of the time here.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { draw, EPSILON, judge, pack } from "./support/draw.mjs";
import { install } from "./support/installed.mjs";
import { ALL, DAY } from "./support/packs.mjs";
import { browse, site } from "./support/site.mjs";

const { dist } = install();

test("five thousand reports drawn in Node follow the channel the estimator inverts", async () => {
  const { createClient } = await import(pathToFileURL(join(dist, "node.js")).href);
  const { drawn, here } = await draw({ createClient, pack, choices: ALL, day: DAY, reports: 5_000 });
  assert.deepEqual(here, ["a"]);
  assert.equal(drawn.length, 5_000);
  assert.deepEqual(judge(drawn), []);
  // The check can fail: it tells an epsilon that is three tenths higher from the stated one, at some twelve standard deviations.
  assert.notDeepEqual(judge(drawn, EPSILON * 1.3), []);
});

test("five thousand reports drawn in Chromium do too, and no two runs are alike", async () => {
  const page = `import { createClient } from "/keepset/index.js"; globalThis.draw = (given) => (${draw})({ createClient, ...given });`;
  const place = await site(dist, { "/": '<!doctype html><script type="module" src="/page.js"></script>', "/page.js": page });
  const browser = await browse();
  const tab = await browser.newPage();
  await tab.goto(place.url);
  await tab.waitForFunction(() => globalThis.draw);
  const run = (reports) => tab.evaluate((given) => draw(given), { pack, choices: ALL, day: DAY, reports });
  const { drawn, here } = await run(5_000);
  assert.deepEqual(here, ["a"]);
  assert.deepEqual(judge(drawn), []);
  // Two runs of 64 reports agree by chance less than once in 2^64.
  assert.notDeepEqual((await run(64)).drawn, drawn.slice(0, 64));
  place.close();
});
