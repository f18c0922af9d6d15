// What a page pays, in headless Chromium: how long the package takes to be ready, and what it writes.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";

import { serve } from "../tests/package/support/server.mjs";
import { chromium } from "./peers/bundle.mjs";

const EVENTS = 1_000;
/** How often the page is opened. */
const VISITS = 15;

const TYPES = { ".js": "text/javascript", ".wasm": "application/wasm", ".keepset": "application/octet-stream" };
const PAGE = `<!doctype html><title>benchmark</title><script type="module">
  import { createClient } from "/keepset/index.js";
  let bytes = 0, writes = 0, now = Date.parse("2026-06-01");
  const put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function (value, key) { bytes += value.length; writes += 1; return put.call(this, value, key); };
  const open = () => createClient({ pack: "/pack.keepset", clock: { now: () => now } });
  globalThis.bytesPerEvent = async (consent, events) => {
    const client = open();
    await client.consent.set(consent);
    await client.consent.set({ sharing: "granted" });
    await new Promise((resolve) => setTimeout(resolve, 200));
    const before = bytes;
    for (let event = 0; event < events; event += 1) {
      now += 60_000;
      const known = writes;
      client.track("purchase", { value: 20 + (event % 60), trip: "stock_up" });
      while (writes === known) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return (bytes - before) / events;
  };
  // The least a page can pay that fetches the same two files, compiles one and reads the same record: no engine, no consent, no other tabs.
  globalThis.fetchedAndRead = async () => {
    const start = performance.now();
    const answer = (request) => new Promise((resolve, reject) => Object.assign(request, { onsuccess: () => resolve(request.result), onerror: () => reject(request.error) }));
    const bytes = async (address) => new Uint8Array(await (await fetch(address, { credentials: "omit" })).arrayBuffer());
    const read = async () => answer((await answer(indexedDB.open("keepset:default", 1))).transaction("profile").objectStore("profile").getAll());
    const [found, pack] = await Promise.all([read(), bytes("/pack.keepset"), bytes("/keepset/core.wasm").then((module) => new WebAssembly.Module(module))]);
    if (found.length === 0 || pack.length === 0) throw new Error("there is nothing to read");
    return performance.now() - start;
  };
  globalThis.compiled = async () => {
    const module = await (await fetch("/keepset/core.wasm")).arrayBuffer();
    const start = performance.now();
    await WebAssembly.compile(module);
    return performance.now() - start;
  };
  globalThis.untilReady = async (events) => {
    now += events * 60_000;
    const start = performance.now();
    const client = open();
    await client.ready;
    const took = performance.now() - start;
    const { intake } = await client.exportData();
    if (intake?.accepted !== events) throw new Error("the state was not restored");
    return took;
  };
</script>`;

/**
 * Measures a package and a compiled pack: bytes written for an event, milliseconds to compile `core.wasm`, and of each speed, in turn, until ready
 * and for the least that a page can pay. The browser has a profile on disk, as one that comes back has: files and compiled scripts are in its cache.
 */
export async function measure(dist, pack, consent) {
  const files = { "/": () => PAGE, "/pack.keepset": () => pack, "/favicon.ico": () => "" };
  const server = await serve([], ({ url }, response) => {
    const read = files[url] ?? (() => readFileSync(join(dist, url.slice("/keepset/".length))));
    response.writeHead(200, { "content-type": TYPES[extname(url)] ?? "text/html", "cache-control": "max-age=600" }).end(read());
  });
  const profile = mkdtempSync(join(tmpdir(), "keepset-profile-"));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  });
  try {
    const visit = async (slowdown, work) => {
      const tab = await browser.newPage();
      await (await browser.newCDPSession(tab)).send("Emulation.setCPUThrottlingRate", { rate: slowdown });
      await tab.goto(`${server.url}/`);
      await tab.waitForFunction(() => globalThis.untilReady);
      const figure = await work(tab);
      await tab.close();
      return figure;
    };
    const bytes = await visit(1, (tab) => tab.evaluate(([consent, events]) => bytesPerEvent(consent, events), [consent, EVENTS]));
    const works = {
      ready: (tab) => tab.evaluate((events) => untilReady(events), EVENTS),
      least: (tab) => tab.evaluate(() => fetchedAndRead()),
    };
    const visits = async (slowdown, works) => {
      const times = Object.fromEntries(Object.keys(works).map((name) => [name, []]));
      for (let n = 0; n < VISITS; n += 1) for (const [name, work] of Object.entries(works)) times[name].push(await visit(slowdown, work));
      return times;
    };
    const full = await visits(1, { ...works, compiled: (tab) => tab.evaluate(() => compiled()) });
    return { bytes, full, quarter: await visits(4, works) };
  } finally {
    await browser.close();
    server.close();
    rmSync(profile, { recursive: true, force: true });
  }
}
