// A newcomer's page: the first lines of the package's README, as they are written there, from the first pack to a live segment.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { before, test } from "node:test";

import { install, tools } from "./support/installed.mjs";
import { browse, site } from "./support/site.mjs";

const installed = install();
const { build } = createRequire(join(tools, "x.js"))("esbuild");
let browser;
before(async () => {
  browser = await browse();
});

/** The first block of JavaScript of a README. */
const first = (readme) => /```js\n(.*?)```/s.exec(readme)[1];
const README = readFileSync(join(installed.package, "README.md"), "utf8");
const FRONT = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

/** The pack that `npx keepset new` writes, compiled. */
function firstPack() {
  const cwd = mkdtempSync(join(installed.folder, "first-"));
  for (const args of [["new"], ["compile", "pack.json"]]) execFileSync("npx", ["--offline", "keepset", ...args], { cwd, stdio: ["ignore", "ignore", "pipe"] });
  return readFileSync(join(cwd, "pack.keepset"));
}
const pack = firstPack();

for (const [where, code] of [["the package", first(README)], ["the repository", first(FRONT)]]) {
  test(`the first lines of the README of ${where}, bundled as they are written, make a segment live`, async () => {
    assert.ok(code.split("\n").filter((line) => line.trim() && !line.startsWith("//")).length <= 10, "more than ten lines");
    const { outputFiles } = await build({ stdin: { contents: code, resolveDir: installed.folder }, bundle: true, format: "esm", write: false, logLevel: "error" });
    const html = '<!doctype html><title>new</title><body><script type="module" src="/page.js"></script>';
    const page = { "/": html, "/page.js": outputFiles[0].text };
    const served = await site(installed.dist, page, { answer: (path) => (path === "/pack.keepset" ? [200, "application/octet-stream", pack] : undefined) });
    try {
      const tab = await browser.newPage();
      const said = [];
      const problems = [];
      tab.on("console", async (message) => message.type() === "log" && said.push(await Promise.all(message.args().map((value) => value.jsonValue()))));
      tab.on("pageerror", (error) => problems.push(error.message));
      await tab.goto(served.url);
      await tab.waitForSelector("body.customer", { state: "attached" });
      assert.deepEqual(said, [[["customer"], []]]);
      assert.deepEqual(problems, []);
    } finally {
      served.close();
    }
  });
}
