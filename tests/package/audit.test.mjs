// The audit of the package that ships: it holds.
import assert from "node:assert/strict";
import { test } from "node:test";

import { audit, failing } from "./support/audit.mjs";
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
