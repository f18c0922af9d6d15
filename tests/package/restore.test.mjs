// A copy of the profile on the site's server: what comes back after a browser deleted everything, and that no copy, however old, buys an answer.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { pathToFileURL } from "node:url";

import { at, blocks } from "./support/blocks.mjs";
import { collector } from "./support/collector.mjs";
import { compiled } from "./support/compiled.mjs";
import { ALL, DAY, shop, START } from "./support/packs.mjs";
import { serve } from "./support/server.mjs";
import { site } from "./support/site.mjs";
import { browser, installed, orders, ready, track } from "./support/visit.mjs";

/** The server of docs/restore.md, as it is written there. */
const [written] = blocks.filter((block) => at(block).startsWith("docs/restore.md") && block.word === "run");
const file = join(mkdtempSync(join(tmpdir(), "keepset-copies-")), "server.mjs");
writeFileSync(file, written.code);
const { answer } = await import(pathToFileURL(file).href);

const packs = { "/pack.keepset": compiled(installed, shop()), "/other.keepset": compiled(installed, shop({ id: "other" })) };
const page = (collector, nowasm) => `
  import { init } from "/keepset/index.js";
  import { restorable } from "/keepset/restore.js";
  const params = new URL(location).searchParams;
  let skipped = Number(params.get("skip") ?? 0);
  const listeners = new Set();
  globalThis.skip = (ms) => { skipped += ms; listeners.forEach((listener) => listener()); };
  globalThis.heard = [];
  const clock = { now: () => ${START} + skipped, onJump: (f) => { listeners.add(f); return () => listeners.delete(f); } };
  globalThis.copies = restorable({ url: "/keepset-copy", clock });
  globalThis.keepset = init({ pack: params.get("pack") ?? "/pack.keepset", storage: copies.storage, clock, ${nowasm ? 'nowasm: () => import("/keepset/nowasm.js"), ' : ""}collector: ${JSON.stringify(collector)} });
  copies.follow(keepset);
  keepset.on("error", ({ code }) => heard.push(code));
`;
const CSP = (nowasm) => `default-src 'none'; script-src 'self'${nowasm ? "" : " 'wasm-unsafe-eval'"}; connect-src 'self' http://127.0.0.1:*`;

/** A shop whose server keeps copies, and a person's browser. */
async function shopping({ change = (response) => response, nowasm = false, collector: front = "http://127.0.0.1:9" } = {}) {
  const asked = [];
  let down = false;
  const copies = await serve(asked, (request, response) => answer(request, response));
  const files = { "/": '<!doctype html><title>shop</title><script type="module" src="/page.js"></script>', "/page.js": page(front, nowasm), ...packs };
  const pages = await site(installed.dist, files, { csp: CSP(nowasm) });
  // One origin for both, as a shop has it; `localhost`, for only there a browser takes secure cookies without TLS.
  const door = await serve([], async (request, response) => {
    const path = new URL(request.url, "http://x").pathname;
    if (path === "/keepset-copy") {
      asked.push(`${request.method}${request.headers.cookie?.includes("__Secure-keepset-key=") ? " with its key" : ""}`);
      if (down) return response.writeHead(503).end();
      return answer(request, change(response));
    }
    const got = await fetch(pages.url + request.url);
    const headers = Object.fromEntries(["content-type", "content-security-policy"].map((name) => [name, got.headers.get(name)]));
    response.writeHead(got.status, headers).end(Buffer.from(await got.arrayBuffer()));
  });
  const origin = door.url.replace("127.0.0.1", "localhost");
  const context = await browser().newContext();
  const open = async (query = "") => {
    const tab = await context.newPage();
    await tab.goto(`${origin}/${query}`);
    await tab.waitForFunction(() => globalThis.keepset);
    assert.equal(await ready(tab), "ready");
    return tab;
  };
  /** Takes away what scripts stored, and leaves what the server set, as Safari does after seven days. */
  const purge = async () => {
    const [tab] = [await context.newPage()];
    await tab.goto(`${origin}/keepset/integrity.json`);
    const session = await context.newCDPSession(tab);
    await session.send("Storage.clearDataForOrigin", { origin, storageTypes: "indexeddb,local_storage,cache_storage,service_workers" });
    await tab.close();
  };
  const cookies = async () => Object.fromEntries((await context.cookies()).map(({ name, value }) => [name, value]));
  const close = async () => {
    await context.close();
    [copies, pages, door].forEach((server) => server.close());
  };
  return { asked, open, purge, cookies, context, origin, close, fail: (fails) => (down = fails) };
}
const grant = (tab, choice = ALL) => tab.evaluate((choice) => keepset.consent.set(choice), choice);
/** Copies once all is stored, which a choice waits for. */
const copy = (tab) => tab.evaluate(() => keepset.consent.set({ segmentation: "granted" }).then(() => copies.copy()));
const outcome = (tab) => tab.evaluate(() => copies.outcome);
const skip = (tab, days) => tab.evaluate((ms) => skip(ms), days * DAY);
const budget = (tab) => tab.evaluate(() => keepset.ledger.budget());

/** A person who bought twice, with a copy of that. */
async function bought(shop) {
  const tab = await shop.open();
  await grant(tab);
  await track(tab, 2);
  assert.equal(await orders(tab), 2);
  await copy(tab);
  return tab;
}

test("a browser that deleted everything gets segments and counts back with the next consent, and nothing before it", async () => {
  const shop = await shopping();
  let tab = await bought(shop);
  assert.match(shop.asked.join(), /^PUT(,PUT with its key)?$/, "a new visitor is asked for no copy");
  const before = shop.asked.length;
  const { "__Secure-keepset-key": key, "keepset-copy": mark } = await shop.cookies();
  assert.deepEqual([key.length, mark], [44, "1"]);
  assert.ok(!(await tab.evaluate(() => document.cookie)).includes(key), "no script reads the key");
  await tab.close();
  await shop.purge();
  tab = await shop.open();
  assert.deepEqual([await tab.evaluate(() => keepset.has("buyer")), await tab.evaluate(() => keepset.consent.get().storage), shop.asked.length], [false, "pending", before]);
  await grant(tab, { segmentation: "granted", storage: "granted" });
  await tab.waitForFunction(() => keepset.has("buyer"));
  assert.deepEqual([await orders(tab), await outcome(tab), shop.asked[before]], [2, "restored", "GET with its key"]);
  assert.equal(await tab.evaluate(() => keepset.consent.get().reporting), "pending", "what was allowed before the loss is asked anew");
  await track(tab, 1);
  assert.equal(await orders(tab), 3);
  // It goes on: what came since is in the next copy.
  await copy(tab);
  await tab.close();
  await shop.purge();
  tab = await shop.open();
  await grant(tab);
  await tab.waitForFunction(() => copies.outcome === "restored");
  assert.deepEqual([await orders(tab), await tab.evaluate(() => heard)], [3, []]);
  await shop.close();
});

test("an old copy buys no second answer: every window since it counts as answered and paid for, the present one too", async () => {
  const front = await collector();
  const shop = await shopping({ collector: front.url });
  let tab = await bought(shop);
  // Four windows later three more are paid for, of which the copy knows nothing.
  const spent = [];
  for (let day = 1; day <= 3; day += 1) {
    await skip(tab, 1);
    await tab.waitForFunction((sent) => keepset.flush().then(() => keepset.ledger.list()).then((entries) => entries.filter(({ outcome }) => outcome === "accepted").length === sent), day);
    spent.push((await budget(tab)).spent);
  }
  assert.equal(front.requests.filter(({ method }) => method === "POST").length, 3);
  await tab.close();
  await shop.purge();
  tab = await shop.open(`?skip=${3 * DAY}`);
  await grant(tab);
  await tab.waitForFunction(() => copies.outcome === "restored");
  const after = await budget(tab);
  assert.ok(spent.at(-1) > 0 && spent.at(-1) > spent[0]);
  assert.ok(after.spent >= spent.at(-1), `${after.spent} of ${spent.at(-1)} are remembered`);
  assert.equal(after.spentInWindow, after.perReport);
  assert.equal(await tab.evaluate(() => keepset.flush().then(({ skipped }) => skipped)), "answered");
  assert.equal(front.requests.filter(({ method }) => method === "POST").length, 3);
  // The next window is its own again, under the name that the lost device would have given.
  await skip(tab, 1);
  await tab.waitForFunction(() => keepset.flush().then(() => keepset.ledger.list()).then((entries) => entries.at(-1)?.outcome === "accepted"));
  await shop.close();
  front.close();
});

test("two devices that go on from one copy are one to the collector", async () => {
  const front = await collector();
  const names = [];
  const shop = await shopping({ collector: front.url });
  await (await bought(shop)).close();
  for (let device = 0; device < 2; device += 1) {
    await shop.purge();
    const tab = await shop.open();
    await grant(tab);
    await tab.waitForFunction(() => copies.outcome === "restored");
    await skip(tab, 1);
    await tab.waitForFunction(() => keepset.flush().then(() => keepset.ledger.list()).then(([entry]) => entry?.outcome === "accepted"));
    const [{ id }] = await tab.evaluate(() => keepset.ledger.list());
    names.push(JSON.stringify(id));
    await tab.close();
  }
  assert.equal(names[0], names[1]);
  await shop.close();
  front.close();
});

test("a copy that was changed, is another profile's, or does not come is none: the profile is a new device's", async () => {
  const bent = (response) => {
    const end = response.end.bind(response);
    response.end = (body) => end(body && body.length > 1_000 ? Buffer.from(body).fill(7, 900, 901) : body);
    return response;
  };
  const keyless = (response) => {
    const head = response.writeHead.bind(response);
    response.writeHead = (status, headers) => head(status, { ...headers, ...(headers?.["keepset-key"] ? { "keepset-key": Buffer.alloc(32).toString("base64") } : {}) });
    return response;
  };
  for (const [change, query, down] of [[bent, ""], [keyless, ""], [undefined, "?pack=/other.keepset"], [undefined, "", true]]) {
    const shop = await shopping({ change });
    await (await bought(shop)).close();
    await shop.purge();
    shop.fail(down);
    const tab = await shop.open(query);
    await grant(tab);
    await track(tab, 1);
    assert.equal(await orders(tab), 1);
    assert.equal(await outcome(tab), "refused", `${query} ${down}`);
    const { spentInWindow, perReport } = await budget(tab);
    assert.equal(spentInWindow, perReport, "this window is over");
    assert.deepEqual(await tab.evaluate(() => heard), []);
    await shop.close();
  }
});

test("a withdrawal deletes the copy, also when the server was away meanwhile, and an erased profile never comes back", async () => {
  const shop = await shopping();
  let tab = await bought(shop);
  await grant(tab, { storage: "denied" });
  await tab.waitForFunction(() => document.cookie === "");
  assert.deepEqual([shop.asked.at(-1), await shop.cookies()], ["DELETE with its key", {}]);
  await tab.close();

  tab = await bought(shop);
  shop.fail(true);
  await tab.evaluate(() => keepset.deleteAll());
  await tab.waitForFunction(() => document.cookie === "keepset-copy=erase");
  await tab.close();
  await shop.purge();
  // The server is still away: whoever agrees now begins anew.
  tab = await shop.open();
  await grant(tab);
  await track(tab, 1);
  assert.deepEqual([await orders(tab), await outcome(tab)], [1, "none"]);
  await tab.close();
  shop.fail(false);
  const before = shop.asked.length;
  tab = await shop.open();
  await tab.waitForFunction(() => document.cookie !== "keepset-copy=erase");
  assert.equal(shop.asked[before], "DELETE with its key");
  await shop.close();
});

test("what a reset forgot is not in the copy any more, and a page that is hidden copies what is new", async () => {
  const shop = await shopping();
  let tab = await bought(shop);
  const count = () => shop.asked.filter((method) => method.startsWith("PUT")).length;
  /** Waits for one more copy than there were. */
  const another = async (were) => {
    for (let waited = 0; count() <= were && waited < 200; waited += 1) await tab.waitForTimeout(100);
    assert.ok(count() > were);
  };
  let were = count();
  await tab.evaluate(() => keepset.reset());
  await another(were);
  await tab.close();
  await shop.purge();
  tab = await shop.open();
  await grant(tab);
  await tab.waitForFunction(() => copies.outcome === "restored");
  assert.equal(await orders(tab), 0);
  await track(tab, 1);
  assert.equal(await orders(tab), 1);
  await skip(tab, 1 / 24);
  were = count();
  await tab.evaluate(() => {
    Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await another(were);
  await shop.close();
});

test("where WebAssembly is forbidden a copy is put back all the same", async () => {
  const shop = await shopping({ nowasm: true });
  await (await bought(shop)).close();
  await shop.purge();
  const tab = await shop.open();
  await grant(tab);
  await tab.waitForFunction(() => copies.outcome === "restored");
  assert.deepEqual([await orders(tab), await tab.evaluate(() => heard)], [2, []]);
  await shop.close();
});

test("what the server holds has a length of whole blocks, and no two copies are alike", async () => {
  const held = [];
  const shop = await shopping();
  await shop.context.route("**/keepset-copy", (route) => {
    if (route.request().method() === "PUT") held.push(route.request().postDataBuffer());
    return route.continue();
  });
  const tab = await bought(shop);
  await track(tab, 1);
  assert.equal(await orders(tab), 3);
  await copy(tab);
  assert.equal(held.length, 2);
  // Version, number, nonce and tag, around blocks of 4,096 bytes.
  held.forEach((body) => assert.equal((body.length - 5 - 12 - 16) % 4_096, 0));
  assert.notDeepEqual(held[0].subarray(17), held[1].subarray(17));
  assert.ok(!held[1].includes("buyer"), "nothing in it is plain");
  await shop.close();
});

test("a page that loads it loads 4 kB more, and what puts a copy back when there is one", () => {
  const size = (file) => gzipSync(readFileSync(join(installed.dist, file)), { level: 9 }).length;
  assert.ok(size("restore.js") <= 4_000, `${size("restore.js")}`);
});
