// Measures in headless Chromium: a fresh profile for each workload, on a page whose clock is as fine as browsers allow.
import { readFileSync } from "node:fs";
import { basename, dirname, extname, join, normalize } from "node:path";

import { serve } from "../../tests/package/support/server.mjs";
import { chromium } from "./bundle.mjs";

const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };
// Isolated from other sites, a page's clock steps by 5 microseconds instead of 100.
const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
const PAGE = `<!doctype html><title>benchmark</title><script type="module">
  import { createClient } from "/keepset/index.js";
  import * as core from "/modules/core.mjs";
  import * as study from "/modules/study.mjs";
  import { run, emptyTurn } from "/bench/BUNDLE";
  for (const [name, glue] of Object.entries({ core, study })) {
    glue.initSync({ module: new WebAssembly.Module(await (await fetch("/modules/" + name + ".wasm")).arrayBuffer()) });
  }
  const host = { createClient, Profile: core.Profile, compile: study.compile, storage: () => "auto" };
  globalThis.measure = (id, options) => run(id, host, { ...options, note: globalThis.note });
  globalThis.emptyTurn = emptyTurn;
</script>`;

const hosted = (folders, html) =>
  serve([], (request, response) => {
    const [, folder, ...rest] = new URL(request.url, "http://x").pathname.split("/");
    if (folder === "") return response.writeHead(200, { "content-type": "text/html", ...ISOLATED }).end(html);
    try {
      const file = readFileSync(join(folders[folder], normalize(`/${rest.join("/")}`)));
      return response.writeHead(200, { "content-type": TYPES[extname(request.url)] ?? "text/plain", ...ISOLATED }).end(file);
    } catch {
      return response.writeHead(404).end();
    }
  });

/** Measures the workloads of these ids and hands each one's rows to `done`; returns the browser's version and what an empty turn costs. */
export async function measureInPage({ bundle, dist, modules, ids, quick }, done) {
  const site = await hosted({ keepset: dist, modules, bench: dirname(bundle) }, PAGE.replace("BUNDLE", basename(bundle)));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--js-flags=--expose-gc"],
  });
  let turn = 0;
  try {
    for (const id of ids) {
      const context = await browser.newContext();
      const page = await context.newPage();
      page.on("pageerror", (error) => console.error(`    Chromium: ${error.message}`));
      await page.exposeFunction("note", (text) => console.error(`    Chromium, ${text}`));
      await page.goto(site.url);
      await page.waitForFunction(() => globalThis.measure);
      if (!(await page.evaluate(() => crossOriginIsolated))) throw new Error("the page is not isolated, so its clock is too coarse");
      done(id, await page.evaluate(([id, options]) => measure(id, options), [id, quick ? { rounds: 1, samples: 50 } : {}]));
      turn = await page.evaluate(() => emptyTurn());
      await context.close();
    }
    return { browser: browser.version(), turn };
  } finally {
    await browser.close();
    site.close();
  }
}
