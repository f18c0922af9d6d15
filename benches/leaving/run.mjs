// What leaves a device per 1,000 events, beside trackers: the same events in headless Chromium, against a sink of this machine. Markdown on standard output;
// `node benches/leaving/run.mjs [--svg FILE] [--events 1000]`; progress goes to standard error.
import { readFileSync, writeFileSync } from "node:fs";
import { extname, join, normalize, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { serve } from "../../tests/package/support/server.mjs";
import { chromium, tools } from "../peers/bundle.mjs";
import { install, peersBeside } from "../peers/install.mjs";
import { chart } from "./chart.mjs";
import * as keepset from "./keepset.mjs";
import { quiet, sink } from "./sink.mjs";
import { TRACKERS } from "./trackers.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const { values } = parseArgs({ options: { svg: { type: "string" }, events: { type: "string", default: "1000" } } });
const count = Number(values.events);
const dist = join(resolve(process.env.KEEPSET_PACKAGE ?? join(root, "target/pkg/keepset")), "dist");
const scratch = join(root, "target/leaving");
const peers = peersBeside(import.meta.url);
const say = (text) => console.error(`==> ${text}`);

/** A visit that looks around and buys, again and again. */
const VISIT = [
  ["product_view", { department: "grocery" }], ["product_view", { department: "fresh" }], ["add_to_cart", {}], ["product_view", { department: "drinks" }], ["add_to_cart", {}],
  ["product_view", { department: "household" }], ["product_view", { department: "care" }], ["coupon_redeem", {}], ["product_view", { department: "grocery" }], ["purchase", { value: 49.9, trip: "stock_up", fresh: true, coupon: true }],
];
const events = Array.from({ length: count }, (_, n) => VISIT[n % VISIT.length]);

/** Bundles a page's code with a tracker from the scratch folder. */
async function bundled(contents) {
  const { outputFiles } = await tools("esbuild").build({ stdin: { contents, resolveDir: scratch }, bundle: true, minify: true, format: "esm", write: false, logLevel: "error", define: { "process.env.NODE_ENV": '"production"' } });
  return outputFiles[0].text;
}

/** Serves a page with this script, and the package. */
async function page(script, pack) {
  const files = { "/": '<!doctype html><title>shop</title><script type="module" src="/page.js"></script>', "/page.js": script, "/pack.json": JSON.stringify(pack ?? {}) };
  const types = { ".js": "text/javascript", ".wasm": "application/wasm", ".json": "application/json" };
  return serve([], (request, response) => {
    const path = new URL(request.url, "http://x").pathname;
    try {
      const body = files[path] ?? readFileSync(join(dist, normalize(path.replace("/keepset/", "/"))));
      response.writeHead(200, { "content-type": types[extname(path)] ?? "text/html" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
}

/** What is left of requests in a table. */
const sums = (name, requests) => ({ name, requests: requests.length, bodies: requests.reduce((sum, { body }) => sum + body.length, 0), bytes: requests.reduce((sum, { bytes }) => sum + bytes, 0) });

/** Tells a tracker every event, ten a second of a busy page, and waits until it has nothing more to send. */
async function tracked(browser, { name, start, count: carried }) {
  say(name);
  const front = await sink();
  const site = await page(await bundled(start(front.url)));
  const context = await browser.newContext();
  const tab = await context.newPage();
  tab.on("pageerror", (error) => console.error(`    ${name}: ${error.message}`));
  await tab.goto(site.url);
  await tab.waitForFunction(() => globalThis.track);
  await tab.waitForTimeout(2_000);
  await tab.evaluate(async (events) => {
    for (const [at, [name, properties]] of events.entries()) {
      track(name, properties);
      if (at % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }, events);
  await quiet(front, 6_000);
  await context.close();
  site.close();
  front.close();
  const arrived = front.requests.reduce((sum, request) => sum + carried(request), 0);
  if (arrived !== count) throw new Error(`of ${count} events ${name} sent ${arrived}`);
  return sums(name, front.requests);
}

async function kept(browser, name, labels) {
  say(name);
  const front = await sink({ "/v1/": { accepted: 1, known: 0 } });
  const site = await page(keepset.start(front.url), keepset.pack(labels));
  const context = await browser.newContext();
  const tab = await context.newPage();
  tab.on("pageerror", (error) => console.error(`    ${name}: ${error.message}`));
  await tab.goto(site.url);
  await tab.waitForFunction(() => globalThis.tell);
  const { accepted, before } = await tab.evaluate((events) => tell(events), events);
  await context.close();
  site.close();
  front.close();
  if (accepted !== count) throw new Error(`of ${count} events Keepset took in ${accepted}`);
  return sums(name, front.requests.slice(before));
}

function table(rows) {
  const number = (value) => value.toLocaleString("en");
  return [
    "| | version | requests | bytes of their bodies | with addresses and headers |",
    "| --- | --- | ---: | ---: | ---: |",
    ...rows.map(({ name, version, requests, bodies, bytes }) => `| ${name} | ${version} | ${number(requests)} | ${number(bodies)} | ${number(bytes)} |`),
  ].join("\n");
}

say("installing the trackers into target/leaving");
install(scratch, peers);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
try {
  const { version } = JSON.parse(readFileSync(join(dist, "../package.json"), "utf8"));
  const rows = [{ ...(await kept(browser, "Keepset", false)), version }, { ...(await kept(browser, "Keepset, with labels", true)), version }];
  for (const tracker of TRACKERS) rows.push({ ...(await tracked(browser, tracker)), version: peers.versions[tracker.package] });
  console.log(`\nPer ${count.toLocaleString("en")} events, in headless Chromium ${browser.version()}.\n\n${table(rows)}\n`);
  if (values.svg) writeFileSync(values.svg, chart(rows, count));
} finally {
  await browser.close();
}
