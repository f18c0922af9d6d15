// A report that is paid with a token: the issuer and the collector that ship, a site's backend between, and devices in Node and in Chromium, directly
// and through a relay.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { RSABSSA, webKey } from "../package/support/blind.mjs";
import { compiled } from "../package/support/compiled.mjs";
import { ending } from "../package/support/ending.mjs";
import { install } from "../package/support/installed.mjs";
import { ALL, DAY, handClock, shelf } from "../package/support/packs.mjs";
import { relay } from "../package/support/relay.mjs";
import { serve } from "../package/support/server.mjs";
import { browse, site as shop } from "../package/support/site.mjs";
import { address, collect, folder, keys, pack, programs } from "./support/programs.mjs";
import { watched } from "./support/watched.mjs";

const installed = install();
const load = (file) => import(pathToFileURL(join(installed.dist, file)).href);
const [{ createClient }, { tokens }] = [await load("node.js"), await load("tokens.js")];
const source = JSON.parse(readFileSync(pack, "utf8"));
const [reports, gateway] = [keys(), keys("--gateway")];
const shipped = compiled(installed, { ...source, collector: { ...reports.published, ...gateway.published } });
const WINDOW_MS = source.plan.epoch_days * source.plan.window_epochs * DAY;
const START = Date.parse(source.plan.starts) + 100 * WINDOW_MS;
const SECRET = "only the backend and the issuer know this";

let collector;
/** What stands before the collector, for the relay. */
let front;
let between;
let site;
let published;
/** Hands a request for a token to the issuer, for a visitor that the site knows. */
let vouch;

before(async () => {
  const home = folder();
  const [file, secret, list] = ["issuer.json", "backend.secret", "report-tokens.json"].map((name) => join(home, name));
  const made = ["keys", "new", "--issuer", "--name", "tokens.example.com", "--origin", "reports.example.com", "--keys", file];
  const said = execFileSync(join(programs, "keepset-collector"), made, { encoding: "utf8" });
  published = JSON.parse(said);
  writeFileSync(list, said);
  writeFileSync(secret, SECRET, { mode: 0o600 });
  const issuer = spawn(join(programs, "keepset-collector"), ["issuer", "--keys", file, "--secret", secret, "--counts", join(home, "counts.sqlite"), "--listen", "127.0.0.1:0", "--tokens", "4"]);
  ending(() => issuer.kill("SIGKILL"));
  process.on("exit", () => issuer.kill("SIGKILL"));
  const url = await address(issuer);
  vouch = async (visitor, request) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    if (!visitor) return [403, "text/plain", ""];
    site.requests.push({ visitor, body });
    const headers = { authorization: `Bearer ${SECRET}`, "content-type": request.headers["content-type"], "keepset-visitor": `pseudonym of ${visitor}` };
    const answer = await fetch(`${url}/token-request`, { method: "POST", headers, body });
    return [answer.status, answer.headers.get("content-type"), Buffer.from(await answer.arrayBuffer())];
  };
  // The site's own backend: it knows its visitors by a header, and tells the issuer a pseudonym.
  site = await serve([], async (request, response) => {
    const [status, type, body] = await vouch(request.headers["x-login"], request);
    response.writeHead(status, { "content-type": type }).end(body);
  });
  collector = await collect(folder(), reports.file, "--report-tokens", list, "--gateway", gateway.file);
  front = await watched(collector);
  between = await relay(`${front.url}/v1/oblivious`);
});

const counted = async () => {
  const { windows } = await collector.get("/v1/estimates");
  return windows.flatMap(({ questions }) => questions).reduce((sum, { reports }) => sum + reports, 0);
};

const stockOf = (visitor) => tokens({ url: `${site.url}/token`, keys: published, headers: visitor ? { "x-login": visitor } : {}, storage: shelf(), rest: 0 });

/** Lives until a report is due, and hands it over; `change`: other options of the collector, and others beside it. */
async function report(stock, name, { collector: change, ...more } = {}) {
  const clock = handClock(START + DAY);
  const paid = stock && { tokens: stock };
  const client = createClient({ pack: shipped, name, clock, collector: { url: collector.url, ...paid, ...change }, storage: shelf(), ...more });
  client.consent.set(ALL);
  await client.ready;
  await client.ledger.list();
  clock.skip(WINDOW_MS);
  for (let day = 0; day < WINDOW_MS / DAY && !(await client.preview()); day += 1) {
    clock.skip(DAY);
    await client.ledger.list();
  }
  const flushed = await client.flush();
  await client.destroy();
  return flushed;
}

test("a visitor who is logged in gets tokens, and each pays for a report of the one collector", async () => {
  const stock = stockOf("ann");
  assert.equal(await stock.fill(), 2);
  assert.deepEqual(await report(stock, "one"), { sent: 1, queued: 0 });
  assert.deepEqual(await report(stock, "two"), { sent: 1, queued: 0 });
  assert.equal(await counted(), 2);
  assert.ok(site.requests.every(({ visitor, body }) => visitor === "ann" && body.length === 259));
});

test("who is nobody gets none, and a report without one is not taken", async () => {
  const earlier = await counted();
  const stock = stockOf();
  assert.equal(await stock.fill(), 0);
  assert.deepEqual(await report(stock, "three"), { sent: 0, queued: 1, skipped: "offline" });
  assert.equal((await report(undefined, "four")).skipped, "refused");
  assert.equal(await counted(), earlier);
});

test("a person has as many reports as the site's issuer gives tokens, on however many devices", async () => {
  const earlier = await counted();
  const devices = Array.from({ length: 4 }, () => stockOf("bob"));
  const ready = [];
  for (const stock of devices) ready.push(await stock.fill());
  assert.deepEqual(ready, [2, 2, 0, 0]);
  const sent = [];
  for (const [at, stock] of [...devices, ...devices].entries()) sent.push((await report(stock, `bob-${at}`)).sent);
  assert.deepEqual(sent, [1, 1, 0, 0, 1, 1, 0, 0]);
  assert.equal(await counted(), earlier + 4);
});

test("another client of the standard gets a token of the issuer that the collector takes", async () => {
  const earlier = await counted();
  const [{ name, keys: [key] }] = published.issuers;
  const spki = new Uint8Array(Buffer.from(key.token_key, "base64url"));
  const suite = RSABSSA.SHA384.PSS.Deterministic();
  const sha = async (of) => Buffer.from(await crypto.subtle.digest("SHA-256", of));
  const part = (text) => Buffer.concat([Buffer.from([0, text.length]), Buffer.from(text)]);
  const challenge = Buffer.concat([Buffer.from([0, 2]), part(name), Buffer.from([0]), part(published.origin)]);
  const id = await sha(spki);
  const message = Buffer.concat([Buffer.from([0, 2]), crypto.getRandomValues(Buffer.alloc(32)), await sha(challenge), id]);
  const web = await webKey(spki);
  const { blindedMsg, inv } = await suite.blind(web, message);
  const headers = { "x-login": "cleo", "content-type": "application/private-token-request" };
  const answer = await fetch(`${site.url}/token`, { method: "POST", headers, body: Buffer.concat([Buffer.from([0, 2, id[31]]), blindedMsg]) });
  const signature = await suite.finalize(web, message, new Uint8Array(await answer.arrayBuffer()), inv);
  const token = Buffer.concat([message, signature]).toString("base64url");
  const transport = async ({ url, body, headers }) => {
    const sent = await fetch(url, { method: "POST", body, headers: { ...headers, "content-type": "application/vnd.keepset.sealed-reports", authorization: `PrivateToken token=${token}` } });
    return { outcome: sent.ok ? "accepted" : "refused", status: sent.status };
  };
  assert.deepEqual(await report(undefined, "cleo", { collector: { transport } }), { sent: 1, queued: 0 });
  assert.equal((await report(undefined, "cleo-again", { collector: { transport } })).skipped, "refused");
  assert.equal(await counted(), earlier + 1);
});

test("through a relay a report is paid as well, nothing goes directly, and no envelope is longer for it", async () => {
  const [earlier, requests] = [await counted(), front.requests.length];
  const through = { collector: { url: "https://reports.example.com" }, relay: between.url };
  const stock = stockOf("dora");
  assert.equal(await stock.fill(), 2);
  assert.deepEqual(await report(stock, "dora", through), { sent: 1, queued: 0 });
  assert.equal((await report(undefined, "dora-without", through)).skipped, "refused");
  assert.equal(await counted(), earlier + 1);
  assert.deepEqual(front.requests.slice(requests).map(({ url, headers, body }) => [url, headers.authorization, body.length]), Array(2).fill(["/v1/oblivious", undefined, 1079]));
});

test("a page in Chromium fetches tokens with its visitor's login, pays with one directly, and with the next one through a relay", async () => {
  const [earlier, requests] = [await counted(), front.requests.length];
  const code = `
    import { init } from "/keepset/index.js";
    import { tokens } from "/keepset/tokens.js";
    let skipped = 0;
    const listeners = new Set();
    globalThis.skip = (ms) => { skipped += ms; listeners.forEach((listener) => listener()); };
    const clock = { now: () => ${START + DAY} + skipped, onJump: (f) => { listeners.add(f); return () => listeners.delete(f); } };
    const relay = new URL(location).searchParams.get("relay") ?? undefined;
    const [name, url] = relay ? ["relayed", "https://reports.example.com"] : ["direct", "${collector.url}"];
    globalThis.stock = tokens({ url: "/token", keys: ${JSON.stringify(published)}, rest: 0, name });
    globalThis.keepset = init({ pack: "/pack.keepset", name, collector: { url, tokens: stock }, relay, clock });
    stock.follow(keepset);`;
  const csp = `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' ${between.url} ${collector.url}`;
  const html = '<!doctype html><title>shop</title><script type="module" src="/page.js"></script>';
  const answer = (path, request) => path === "/token" && vouch(/login=(\w+)/.exec(request.headers.cookie)?.[1], request);
  const served = await shop(installed.dist, { "/": html, "/page.js": code, "/pack.keepset": shipped }, { csp, answer });
  const browser = await browse();
  const page = await browser.newPage();
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  for (const [path, way] of [["/", collector.url], [`/?relay=${between.url}`, new URL(between.url).origin]]) {
    asked.length = 0;
    await page.goto(served.url + path);
    const ready = await page.evaluate(async (all) => {
      document.cookie = "login=emil";
      await keepset.ready;
      keepset.consent.set(all);
      return [await stock.fill(), (await keepset.exportData()).tokens.length];
    }, ALL);
    assert.deepEqual(ready, [2, 2]);
    const outcome = await page.evaluate(async ([window, day]) => {
      await keepset.ledger.list();
      skip(window);
      for (let days = 0; days < window / day; days += 1) {
        skip(day);
        await keepset.ledger.list();
        if (await keepset.preview()) return [await keepset.flush(), (await keepset.ledger.list())[0].outcome];
      }
    }, [WINDOW_MS, DAY]);
    assert.deepEqual(outcome, [{ sent: 1, queued: 0 }, "accepted"]);
    assert.deepEqual([...new Set(asked.map((url) => new URL(url).origin))].sort(), [served.url, way].sort());
  }
  assert.equal(await counted(), earlier + 2);
  assert.deepEqual(front.requests.slice(requests).map(({ url, body }) => [url, body.length]), [["/v1/oblivious", 1079]]);
  assert.equal(site.requests.filter(({ visitor }) => visitor === "emil").length, 4);
  // What is kept is gone with the choice.
  await page.evaluate(() => keepset.consent.set({ reporting: "denied" }));
  await page.waitForFunction(async () => (await keepset.exportData()).tokens.length === 0);
  await browser.close();
  served.close();
});

test("asked to end, all of it ends in order", async () => {
  front.close();
  await between.close();
  assert.equal(await collector.stop(), 0);
});
