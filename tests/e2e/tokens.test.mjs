// A report that is paid with a token: the issuer and the collector that ship, a site's backend between, and a device in Node.
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
import { serve } from "../package/support/server.mjs";
import { address, collect, folder, keys, pack, programs } from "./support/programs.mjs";

const installed = install();
const load = (file) => import(pathToFileURL(join(installed.dist, file)).href);
const [{ createClient }, { tokens }] = [await load("node.js"), await load("tokens.js")];
const source = JSON.parse(readFileSync(pack, "utf8"));
const reports = keys();
const shipped = compiled(installed, { ...source, collector: reports.published });
const WINDOW_MS = source.plan.epoch_days * source.plan.window_epochs * DAY;
const START = Date.parse(source.plan.starts) + 100 * WINDOW_MS;
const SECRET = "only the backend and the issuer know this";

let collector;
let site;
let published;

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
  // The site's own backend: it knows its visitors by a cookie, and tells the issuer a pseudonym.
  site = await serve([], async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const visitor = request.headers["x-login"];
    if (!visitor) return response.writeHead(403).end();
    site.requests.push({ visitor, body });
    const headers = { authorization: `Bearer ${SECRET}`, "content-type": request.headers["content-type"], "keepset-visitor": `pseudonym of ${visitor}` };
    const answer = await fetch(`${url}/token-request`, { method: "POST", headers, body });
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") }).end(Buffer.from(await answer.arrayBuffer()));
  });
  collector = await collect(folder(), reports.file, "--report-tokens", list);
});

const counted = async () => {
  const { windows } = await collector.get("/v1/estimates");
  return windows.flatMap(({ questions }) => questions).reduce((sum, { reports }) => sum + reports, 0);
};

const stockOf = (visitor) => tokens({ url: `${site.url}/token`, keys: published, headers: visitor ? { "x-login": visitor } : {}, storage: shelf(), rest: 0 });

/** Lives until a report is due, and hands it over. */
async function report(stock, name) {
  const clock = handClock(START + DAY);
  const client = createClient({ pack: shipped, name, clock, collector: { url: collector.url, ...(stock && { transport: stock.transport }) }, storage: shelf() });
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
  assert.deepEqual(await report({ transport }, "cleo"), { sent: 1, queued: 0 });
  assert.equal((await report({ transport }, "cleo-again")).skipped, "refused");
  assert.equal(await counted(), earlier + 1);
});
