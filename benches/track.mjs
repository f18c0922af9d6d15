// What `track` costs the thread of a page, in headless Chromium: the call, and taking the event in. `cargo xtask bench track` prints the table.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { serve } from "../tests/package/support/server.mjs";
import { chromium } from "./peers/bundle.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));
const dist = join(process.env.KEEPSET_PACKAGE ?? join(root, "target/pkg/keepset"), "dist");
/** One every few milliseconds, as a lively page tells them. */
const EVENTS = 2_000;
const PAUSE_MS = 3;

const TYPES = { ".js": "text/javascript", ".wasm": "application/wasm", ".keepset": "application/octet-stream" };
const PAGE = `<!doctype html><title>benchmark</title><script type="module">
  import { createClient } from "/keepset/index.js";
  import { inWorker } from "/keepset/worker.js";
  const kinds = {
    page: {},
    worker: { runtime: inWorker() },
    // A module that is not there: then the engine is JavaScript.
    nowasm: { wasm: "/none", nowasm: () => import("/keepset/nowasm.js") },
  };
  const pause = () => new Promise((resolve) => setTimeout(resolve, ${PAUSE_MS}));
  // Everything that is done before the page's next turn is done before this comes back.
  const channel = new MessageChannel();
  const turn = () => new Promise((resolve) => ((channel.port1.onmessage = resolve), channel.port2.postMessage(0)));
  globalThis.measure = async (kind, events, consent) => {
    const client = createClient({ pack: "/pack.keepset", name: kind, ...kinds[kind] });
    await client.consent.set(consent);
    const cost = { call: [], whole: [], empty: [] };
    for (let event = 0; event < events; event += 1) {
      await pause();
      let start = performance.now();
      await turn();
      cost.empty.push(performance.now() - start);
      await pause();
      start = performance.now();
      client.track("purchase", { value: 20 + (event % 60), trip: "stock_up" });
      cost.call.push(performance.now() - start);
      await turn();
      cost.whole.push(performance.now() - start);
    }
    const { intake } = await client.exportData();
    if (intake?.accepted !== events) throw new Error(kind + ": not every event was taken in");
    await client.destroy();
    return cost;
  };
</script>`;

/** The share `of` of the times lies below. */
const quantile = (times, of) => times.sort((a, b) => a - b)[Math.floor(times.length * of)];
const micro = (ms) => `${Math.max(0, Math.round(ms * 1000))} µs`;

const out = join(mkdtempSync(join(tmpdir(), "keepset-bench-")), "pack.keepset");
execFileSync(process.execPath, [join(dist, "cli.js"), "compile", join(root, "packs/retail/pack.json"), "-o", out]);
const files = { "/": () => PAGE, "/pack.keepset": () => readFileSync(out), "/favicon.ico": () => "", "/none": () => "" };
// A page that is isolated has a clock of five microseconds.
const isolated = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
const server = await serve([], ({ url }, response) => {
  const read = files[url] ?? (() => readFileSync(join(dist, url.slice("/keepset/".length))));
  response.writeHead(200, { "content-type": TYPES[extname(url)] ?? "text/html", ...isolated }).end(read());
});
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
});
try {
  const tab = await browser.newPage();
  await tab.goto(`${server.url}/`);
  await tab.waitForFunction(() => globalThis.measure);
  const granted = { segmentation: "granted", storage: "granted", reporting: "granted", sharing: "granted" };
  console.log("| engine | the call, median | p95 | with all that follows before the page's next turn, median | p95 |\n| --- | ---: | ---: | ---: | ---: |");
  for (const [kind, name] of [["page", "in the page"], ["worker", "in a worker (`keepset/worker`)"], ["nowasm", "as JavaScript (`keepset/nowasm`)"]]) {
    const { call, whole, empty } = await tab.evaluate(([kind, events, consent]) => measure(kind, events, consent), [kind, EVENTS, granted]);
    // A turn in which nothing was told takes its time as well.
    const nothing = quantile(empty, 0.5);
    const cells = [quantile(call, 0.5), quantile(call, 0.95), quantile(whole, 0.5) - nothing, quantile(whole, 0.95) - nothing];
    console.log(`| ${name} | ${cells.map(micro).join(" | ")} |`);
  }
} finally {
  await browser.close();
  server.close();
}
process.exit(0);
