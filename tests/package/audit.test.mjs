// The audit of the package that ships, and of packages with one flaw each, which `cargo xtask planted` builds: it tells them apart.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import { audit, failing, planted } from "./support/audit.mjs";
import { install } from "./support/installed.mjs";

const { dist } = install();

// The seed stands in for the system's randomness, so that a sound package passes in every run or in none.
test("the package as it is installed keeps every claim of the audit", async () => {
  const { code, report, page } = await audit(dist, "--seed", "1");
  assert.deepEqual(failing(report), []);
  assert.equal(code, 0);
  assert.equal(report.holds, true);
  assert.match(report.sha256, /^[0-9a-f]{64}$/);
  assert.ok(page.includes(report.sha256) && page.includes(`All ${report.sections.flatMap(({ findings }) => findings).length} claims hold.`));
});

/** What the audit must say of each flaw. That the draws are not those of the source is said of every one that touches them. */
const FLAWS = [
  { name: "epsilon", what: "ten per cent more epsilon than the plan says", fails: ["law", "guess", "replay"] },
  { name: "unsorted", what: "cells in their order, a subset sent unsorted", fails: ["law", "guess", "replay"] },
  { name: "constant", what: "a constant in the place of randomness", fails: ["instances", "law", "guess", "moment", "replay"] },
  { name: "silent", what: "no report from a device in no segment", fails: ["shape", "replay"] },
  { name: "shorter", what: "a shorter report from a device in no segment", fails: ["shape", "replay"] },
  { name: "redrawn", what: "a second draw where a window is asked for again", fails: ["retry"] },
];

for (const { name, what, fails } of FLAWS) {
  test(`the audit finds ${what}`, async () => {
    const { code, report, page, stderr } = await audit(join(planted, name, "dist"), "--seed", "1");
    assert.equal(report.package, `keepset-planted-${name}`);
    const found = failing(report);
    assert.deepEqual(fails.filter((section) => !found.includes(section)), [], `found only ${found}`);
    assert.equal(code, 1);
    assert.match(stderr, /\d+ of \d+ claims do not hold/);
    assert.ok(page.includes("claims do not hold") && page.includes('class="fails"'));
    // What the flaw has nothing to do with still holds.
    assert.deepEqual(found.filter((section) => ["files", "exact", "source"].includes(section)), []);
  });
}
