// `keepset/consent` as it ships: harmless on a server, small, and with the committed API.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { install } from "./support/installed.mjs";

const { dist, folder } = install();

test("importing it on a server does nothing, as a module and as CommonJS, and nor does calling it there", () => {
  const run = (type, code) => execFileSync(process.execPath, [`--input-type=${type}`, "--eval", code], { cwd: folder, encoding: "utf8" }).trim();
  const use = "const followed = followConsent({}); followed.stop(); followed.stop(); console.log(Object.keys(all).join(), followed.decisions.storage.choice);";
  assert.equal(run("module", `import * as all from "keepset/consent"; const { followConsent } = all; ${use}`), "followConsent pending");
  assert.equal(run("commonjs", `const all = require("keepset/consent"); const { followConsent } = all; ${use}`), "followConsent pending");
});

test("it is at most 4 KB compressed, and a page that does not import it loads none of it", () => {
  const text = readFileSync(join(dist, "consent.js"));
  const { length } = gzipSync(text, { level: 9 });
  assert.ok(length <= 4096, `${length} bytes`);
  assert.doesNotMatch(text.toString(), /\bimport\b/);
  for (const file of ["index.js", "global.js", "node.js", "capture.js"]) assert.doesNotMatch(readFileSync(join(dist, file), "utf8"), /__tcfapi/, file);
});

test("it decodes no consent string: the page's managers hand over what they have read", () => {
  assert.doesNotMatch(readFileSync(join(dist, "consent.js"), "utf8"), /tcString|gppString|atob|IABTCF|fetch|localStorage|cookie/);
});

test("the committed report of its API is the one that ships, and it is made of the client's own types", () => {
  const committed = readFileSync(new URL("../../pkg-template/api/consent.d.ts", import.meta.url), "utf8");
  assert.equal(readFileSync(join(dist, "consent.d.ts"), "utf8"), committed);
  assert.equal(readFileSync(join(dist, "consent.d.cts"), "utf8"), committed.replaceAll("./index.js", "./index.cjs"));
  assert.match(committed, /followConsent\(client: Keepset, options\?: FollowConsentOptions\): FollowedConsent/);
});
