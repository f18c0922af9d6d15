// A site that serves the installed package under a strict content security policy, and the browser that visits it.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { extname, join, normalize } from "node:path";

import { ending } from "./ending.mjs";
import { tools } from "./installed.mjs";
import { serve } from "./server.mjs";

const { chromium } = createRequire(join(tools, "x.js"))("playwright-core");

/** The script that finds in a page what keeps some people from using it. */
export const AXE = readFileSync(join(tools, "axe-core/axe.min.js"), "utf8");

const STRICT = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' http://127.0.0.1:*";
const TYPES = { ".js": "text/javascript", ".wasm": "application/wasm", ".json": "application/json", ".html": "text/html" };

/**
 * Serves `dist` under /keepset/ and pages: `{ path: html or module text }`. Options: `csp`, `answer(path, request)` that may
 * return `[status, type, body]` in place of a file, `wait(url)` in milliseconds before the answer, more `headers`.
 */
export async function site(dist, files, { csp = STRICT, answer = () => undefined, wait = () => 0, headers = {} } = {}) {
  const requests = [];
  return serve(requests, async (request, response) => {
    const path = new URL(request.url, "http://x").pathname;
    requests.push(path);
    const send = (status, type, body) => setTimeout(() => response.writeHead(status, { "content-type": type, "content-security-policy": csp, ...headers }).end(body), wait(request.url));
    const special = await answer(path, request);
    if (special) return send(...special);
    if (path in files) return send(200, TYPES[extname(path)] ?? "text/html", files[path]);
    if (!path.startsWith("/keepset/")) return send(404, "text/plain", "");
    try {
      return send(200, TYPES[extname(path)] ?? "text/plain", readFileSync(join(dist, normalize(path.slice("/keepset/".length)))));
    } catch {
      return send(404, "text/plain", "");
    }
  });
}

/** Starts the browser of the tests. */
export async function browse() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  ending(() => browser.close());
  return browser;
}

/** A browser that keeps pages and parts frames as a person's does; the tests' own is told to do neither. */
export const browseAsPeopleDo = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // The last list of features counts, and the one before it has the partitions of storage in it.
    args: ["--no-sandbox", "--disable-gpu", "--disable-features=HttpsUpgrades"],
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
  });

/** Everything a site holds in this browser, by kind; a store with nothing in it is not listed. */
export function stores(page) {
  return page.evaluate(async () => {
    const found = {};
    const databases = await indexedDB.databases();
    if (databases.length > 0) found.databases = databases.map(({ name }) => name);
    if (localStorage.length > 0) found.local = Object.keys(localStorage);
    if (sessionStorage.length > 0) found.session = Object.keys(sessionStorage);
    const caches = (await globalThis.caches?.keys()) ?? [];
    if (caches.length > 0) found.caches = caches;
    if (document.cookie) found.cookie = document.cookie;
    const workers = (await navigator.serviceWorker?.getRegistrations()) ?? [];
    if (workers.length > 0) found.workers = workers.length;
    const files = [];
    for await (const name of (await navigator.storage?.getDirectory?.().catch(() => undefined))?.keys() ?? []) files.push(name);
    if (files.length > 0) found.files = files;
    const buckets = (await navigator.storageBuckets?.keys().catch(() => [])) ?? [];
    if (buckets.length > 0) found.buckets = buckets;
    if (globalThis.name) found.window = globalThis.name;
    if (history.state !== null) found.history = history.state;
    return found;
  });
}
