// `keepset/tokens`: what is blinded is what the standard says, what comes back is verified before it is kept, and a report keeps its token.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

import { RSABSSA, ask, bytes, challengeOf, hex, number, power, webKey } from "./support/blind.mjs";
import { installed, nextWindow, start } from "./support/client.mjs";
import { collector } from "./support/collector.mjs";
import { GATEWAY, gateway, response } from "./support/gateway.mjs";
import { KEYS as SEALING } from "./support/hpke.mjs";
import { ALL, shelf, shop } from "./support/packs.mjs";
import { relay } from "./support/relay.mjs";
import { serve } from "./support/server.mjs";

const { tokens } = await import(pathToFileURL(join(installed.dist, "tokens.js")).href);
const vectors = JSON.parse(readFileSync(fileURLToPath(new URL("../tokens.json", import.meta.url)), "utf8"));
const spki = bytes(vectors.public_key);
const n = number(spki.subarray(-261, -5));
const secret = await crypto.subtle.importKey("pkcs8", Buffer.from(vectors.private_key, "base64"), { name: "RSA-PSS", hash: "SHA-384" }, true, ["sign"]);
const d = number(Buffer.from((await crypto.subtle.exportKey("jwk", secret)).d, "base64url"));
const KEYS = { origin: "origin.example", issuers: [{ name: "issuer.example", keys: [{ token_key: Buffer.from(spki).toString("base64url"), from: "2020-01-01", until: "2100-01-01" }] }] };

/** Signs as an issuer does (RFC 9474, section 4.3). */
const sign = (request) => Buffer.from(power(number(request.subarray(3)), d, n).toString(16).padStart(512, "0"), "hex");

/** A site that hands requests to its issuer, and remembers them. `answer` changes what comes back. */
const site = (answer = (signature) => signature) => {
  const requests = [];
  return serve(requests, async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    requests.push({ method: request.method, headers: request.headers, body });
    response.writeHead(200, { "content-type": "application/private-token-response" }).end(answer(sign(body)));
  });
};

const said = ({ headers }) => headers.authorization;

/** Pays for a report of these bytes and sends it, as a client does. */
const paid = (stock, url, ...body) => {
  const post = async ({ url, body, headers }) => ({ outcome: (await fetch(url, { method: "POST", body, headers })).ok ? "accepted" : "failed" });
  return stock.pay({ url: `${url}/v1/reports`, kind: "report", body: Uint8Array.from(body), headers: {}, signal: new AbortController().signal }, post);
};

test("requests and tokens are those of RFC 9578, appendix B.2", async () => {
  for (const sample of vectors.samples) {
    const drawn = { nonce: bytes(sample.nonce), salt: bytes(sample.salt), factor: () => bytes(sample.blind) };
    const asked = await ask(spki, bytes(sample.token_challenge), drawn);
    assert.equal(hex(asked.request), sample.token_request);
    assert.equal(hex(asked.finish(bytes(sample.token_response))), sample.token);
  }
  assert.equal(hex(challengeOf("issuer.example", "origin.example")), vectors.samples[1].token_challenge);
});

test("what is signed for us another implementation verifies, and what it blinds is signed by the same number", async () => {
  const suite = RSABSSA.SHA384.PSS.Deterministic();
  const key = await webKey(spki);
  const asked = await ask(spki, challengeOf("a.example", "b.example"));
  const token = asked.finish(sign(asked.request));
  assert.equal(await suite.verify(key, token.slice(98), token.slice(0, 98)), true);
  const message = token.slice(0, 98);
  const { blindedMsg, inv } = await suite.blind(key, message);
  const signature = await suite.finalize(key, message, sign(Buffer.concat([Buffer.from([0, 2, 0]), blindedMsg])), inv);
  assert.equal(await crypto.subtle.verify({ name: "RSA-PSS", saltLength: 48 }, key, signature, message), true);
});

test("an answer that is no signature over this very token makes none", async () => {
  const [one, two] = await Promise.all([ask(spki, new Uint8Array(3)), ask(spki, new Uint8Array(3))]);
  const right = sign(one.request);
  for (const [why, wrong] of [
    ["another token's", sign(two.request)],
    ["one bit off", Buffer.from(right).fill(right[9] ^ 1, 9, 10)],
    ["too short", right.subarray(1)],
    ["too long", Buffer.concat([right, Buffer.from([0])])],
    ["nothing", Buffer.alloc(0)],
    ["zero", Buffer.alloc(256)],
  ]) {
    assert.equal(one.finish(wrong), undefined, why);
  }
  assert.equal(one.finish(right).length, 354);
  await assert.rejects(ask(spki.slice(1), new Uint8Array(3)), /not a key of 2048 bits/);
});

test("every request that an issuer saw could have become every token that a collector saw", async () => {
  const asked = await Promise.all(Array.from({ length: 6 }, () => ask(spki, challengeOf("a.example", "b.example"))));
  const seen = asked.map(({ request }) => [number(request.subarray(3)), number(sign(request))]);
  const redeemed = asked.map(({ request, finish }) => number(finish(sign(request)).subarray(98)));
  // What a token's signature pads to is what anyone computes of it: its 65537th power.
  for (const [blinded, signed] of seen) {
    for (const signature of redeemed) {
      const factor = (signed * inverse(signature)) % n;
      assert.equal((power(signature, 65_537n, n) * power(factor, 65_537n, n)) % n, blinded, "this factor makes this request of this token");
      assert.equal((signature * factor) % n, signed, "and this answer of it, too");
    }
  }
  assert.equal(new Set(redeemed).size, 6);
});

/** With the private key: `value ** (e * d - 1)` is 1. */
const inverse = (value) => power(value, 65_537n * d - 2n, n);

test("tokens are fetched ahead of time, and a report takes one with it, the same one however often it is sent", async () => {
  const [issuing, front] = [await site(), await collector([[503, "text/plain", "busy"], [503, "text/plain", "busy"]])];
  const stock = tokens({ url: issuing.url, keys: KEYS, storage: shelf(), rest: 0, headers: { "x-csrf": "1" } });
  const run = start({ collector: { url: front.url, tokens: stock } });
  run.client.consent.set(ALL);
  assert.equal(await stock.fill(), 2);
  assert.equal(issuing.requests.length, 2);
  const [{ method, headers, body }] = issuing.requests;
  assert.deepEqual([method, headers["content-type"], headers["x-csrf"], body.length], ["POST", "application/private-token-request", "1", 259]);
  assert.equal(await stock.fill(), 2);
  assert.equal(issuing.requests.length, 2, "what is there is not fetched again");
  await nextWindow(run);
  assert.equal((await run.client.flush()).sent, 0);
  assert.equal((await run.client.flush()).sent, 0);
  assert.equal((await run.client.flush()).sent, 1);
  const sent = front.requests.map(said);
  assert.equal(sent.length, 3);
  assert.match(sent[0], /^PrivateToken token="[\w-]{472}"$/);
  assert.equal(new Set(sent).size, 1, "a report keeps its token");
  assert.equal(new Set(front.requests.map(({ body }) => body.toString("hex"))).size, 1);
  // The next report has the other one, and nothing was fetched when a report left.
  await nextWindow(run);
  run.clock.skip(40 * 86_400_000);
  await run.client.ledger.list();
  assert.equal((await run.client.flush()).sent, 1);
  assert.notEqual(said(front.requests[3]), sent[0]);
  assert.equal(issuing.requests.length, 2);
  await run.client.destroy();
  [issuing, front].forEach((server) => server.close());
});

test("a report whose token is worthless is sent again with another one, and one that no token is there for waits", async () => {
  const problem = (slug, status) => [status, "application/problem+json", JSON.stringify({ type: `/problems/${slug}` })];
  const [issuing, front] = [await site(), await collector([problem("report-token-spent", 409), problem("report-token-refused", 401)])];
  const stock = tokens({ url: issuing.url, keys: KEYS, storage: shelf(), rest: 0, stock: 2 });
  const run = start({ collector: { url: front.url, tokens: stock } });
  run.client.consent.set(ALL);
  assert.equal(await stock.fill(), 2);
  await nextWindow(run);
  assert.deepEqual(await run.client.flush(), { sent: 0, queued: 1, skipped: "offline" });
  assert.deepEqual(await run.client.flush(), { sent: 0, queued: 1, skipped: "offline" });
  assert.notEqual(said(front.requests[0]), said(front.requests[1]));
  assert.deepEqual(await run.client.flush(), { sent: 0, queued: 1, skipped: "offline" });
  assert.equal(front.requests.length, 2, "nothing leaves without a token");
  await run.client.destroy();
  [issuing, front].forEach((server) => server.close());
});

test("a token lies for its time before it pays, and is gone when its key is over", async () => {
  const [issuing, front] = [await site(), await collector()];
  let now = Date.parse("2026-01-01");
  const keys = { ...KEYS, issuers: [{ ...KEYS.issuers[0], keys: [{ ...KEYS.issuers[0].keys[0], until: "2026-01-03" }] }] };
  const stock = tokens({ url: issuing.url, keys, storage: shelf(), clock: { now: () => now } });
  const send = () => paid(stock, front.url, 9);
  assert.equal(await stock.fill(), 2);
  const early = await send();
  assert.equal(early.outcome, "failed");
  assert.ok(early.retryAfterMs >= 60 * 60_000, "it waits at least as long as a token lies");
  now += 60 * 60_000;
  assert.equal((await send()).outcome, "accepted");
  now = Date.parse("2026-01-03");
  assert.equal((await send()).outcome, "failed");
  assert.equal(await stock.fill(), 0, "no key is in use");
  assert.equal(front.requests.length, 1);
  [issuing, front].forEach((server) => server.close());
});

test("what is no token is not kept, and without chance nothing is asked for", async () => {
  const issuing = await site((signature) => signature.fill(7, 100, 101));
  const storage = shelf();
  const stock = tokens({ url: issuing.url, keys: KEYS, storage });
  assert.equal(await stock.fill(), 0);
  assert.equal(issuing.requests.length, 1, "and it is not asked for again and again");
  assert.equal(await storage.get("tokens:default"), undefined);
  const { getRandomValues } = crypto;
  crypto.getRandomValues = () => {
    throw new Error("no chance");
  };
  try {
    assert.equal(await stock.fill(), 0);
  } finally {
    crypto.getRandomValues = getRandomValues;
  }
  assert.equal(issuing.requests.length, 1);
  assert.throws(() => tokens({ url: issuing.url, keys: {} }), /keys new --issuer/);
  issuing.close();
});

test("with consent withdrawn or everything deleted the stock is gone, and none is fetched before there is consent", async () => {
  const issuing = await site();
  const storage = shelf();
  const stock = tokens({ url: issuing.url, keys: KEYS, storage, rest: 0 });
  const kept = () => storage.get("tokens:default");
  const until = async (right) => {
    for (let tries = 0; !(await right()); tries += 1) {
      assert.ok(tries < 2_000, "it never came about");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const run = start();
  const end = stock.follow(run.client);
  await run.client.ready;
  assert.equal(issuing.requests.length, 0);
  for (const [take, back] of [
    [() => run.client.consent.set({ reporting: "denied" }), ALL],
    [() => run.client.consent.set({ storage: "denied" }), ALL],
    [() => run.client.deleteAll(), ALL],
  ]) {
    run.client.consent.set(back);
    assert.equal(await stock.fill(), 2);
    assert.ok(await kept());
    await take();
    await until(async () => (await kept()) === undefined);
  }
  assert.equal(issuing.requests.length, 6);
  end();
  await run.client.destroy();
  issuing.close();
});

test("two pages with one storage never use one token for two reports", async () => {
  const [issuing, front] = [await site(), await collector()];
  const values = new Map();
  const same = (one, other) => Buffer.compare(Buffer.from(one ?? []), Buffer.from(other ?? [])) === 0;
  const swap = async (key, expected, next) => same(values.get(key), expected) && Boolean(values.set(key, next.slice()));
  const pages = [1, 2].map(() => tokens({ url: issuing.url, keys: KEYS, storage: { ...shelf(values), swap }, rest: 0, stock: 8 }));
  assert.equal(await pages[0].fill(), 8);
  const send = (page, at) => paid(pages[page], front.url, page, at);
  const outcomes = await Promise.all([0, 1, 2, 3].flatMap((at) => [send(0, at), send(1, at)]));
  assert.deepEqual(outcomes.map(({ outcome }) => outcome), Array(8).fill("accepted"));
  assert.equal(new Set(front.requests.map(said)).size, 8);
  [issuing, front].forEach((server) => server.close());
});

test("through a relay the token is inside the envelope, which is as long as one without, and the next envelope has the same one", async () => {
  const [issuing, direct, behind] = [await site(), await collector(), await gateway([response(503, { "content-type": "application/problem+json" }, "{}")])];
  const between = await relay(`${behind.url}/v1/oblivious`);
  const pack = shop({ collector: { keys: SEALING, gateway: GATEWAY } });
  const stock = tokens({ url: issuing.url, keys: KEYS, storage: shelf(), rest: 0 });
  const lengths = new Set();
  for (const more of [{ tokens: stock }, {}]) {
    const run = start({ pack, collector: { url: direct.url, ...more }, relay: between.url });
    run.client.consent.set(ALL);
    if (more.tokens) assert.equal(await stock.fill(), 2);
    await nextWindow(run);
    if (more.tokens) assert.deepEqual(await run.client.flush(), { sent: 0, queued: 1, skipped: "offline" });
    assert.deepEqual(await run.client.flush(), { sent: 1, queued: 0 });
    await run.client.destroy();
  }
  const [one, again, without] = behind.requests.map(({ outside, inside }) => (lengths.add(outside.length), inside.fields));
  assert.deepEqual([...lengths], [7 + 32 + 1024 + 16]);
  assert.match(one, /content-type.application\/vnd\.keepset\.sealed-reports\rauthorization..PrivateToken token="[\w-]{472}"$/s);
  assert.equal(again, one, "a report keeps its token");
  assert.notEqual(behind.requests[0].outside.toString("hex"), behind.requests[1].outside.toString("hex"));
  assert.doesNotMatch(without, /authorization/);
  assert.deepEqual(direct.requests, [], "nothing went directly");
  [issuing, direct, behind].forEach((server) => server.close());
  await between.close();
});

test("a worthless token is known as such through a relay, too, and the report goes with another one", async () => {
  const refusal = (slug) => response(409, { "content-type": "application/problem+json" }, JSON.stringify({ type: `/problems/${slug}` }));
  const [issuing, behind] = [await site(), await gateway([refusal("report-token-spent")])];
  const between = await relay(`${behind.url}/v1/oblivious`);
  const stock = tokens({ url: issuing.url, keys: KEYS, storage: shelf(), rest: 0 });
  const run = start({ pack: shop({ collector: { keys: SEALING, gateway: GATEWAY } }), collector: { url: "https://nobody.example", tokens: stock }, relay: between.url });
  run.client.consent.set(ALL);
  assert.equal(await stock.fill(), 2);
  await nextWindow(run);
  assert.equal((await run.client.flush()).skipped, "offline");
  assert.deepEqual(await run.client.flush(), { sent: 1, queued: 0 });
  const [one, two] = behind.requests.map(({ inside }) => inside);
  assert.notEqual(one.fields, two.fields);
  assert.deepEqual(one.body, two.body);
  await run.client.destroy();
  [issuing, behind].forEach((server) => server.close());
  await between.close();
});

test("tokens go with a transport of the page's own, and what pays for nothing is refused by name", async () => {
  const issuing = await site();
  const stock = tokens({ url: issuing.url, keys: KEYS, storage: shelf(), rest: 0 });
  const seen = [];
  const transport = async ({ kind, headers }) => (seen.push([kind, headers.authorization]), { outcome: "accepted" });
  const run = start({ collector: { url: "https://nobody.example", tokens: stock, transport } });
  run.client.consent.set(ALL);
  await stock.fill();
  await nextWindow(run);
  assert.equal((await run.client.flush()).sent, 1);
  assert.equal(seen.length, 1);
  assert.match(seen[0][1], /^PrivateToken /);
  await run.client.destroy();
  for (const none of [null, {}, { pay: 7 }, "tokens"]) {
    const { client } = start({ collector: { url: "https://nobody.example", tokens: none } });
    await client.ready;
    assert.equal(client.error.code, "invalid_options");
    assert.match(client.error.message, /options\.collector\.tokens\.pay must be a function/);
  }
  issuing.close();
});

test("exportData() lists the tokens that are kept, those that wait and the one that a report has, and nothing without a stock", async () => {
  const [issuing, front] = [await site(), await collector([[503, "text/plain", "busy"]])];
  const storage = shelf();
  const stock = tokens({ url: issuing.url, keys: KEYS, storage, rest: 0 });
  const run = start({ collector: { url: front.url, tokens: stock } });
  run.client.consent.set(ALL);
  assert.deepEqual((await run.client.exportData()).tokens, []);
  await stock.fill();
  await nextWindow(run);
  assert.equal((await run.client.flush()).sent, 0);
  const { tokens: kept, waiting } = await run.client.exportData();
  assert.equal(kept.length, 2);
  const [ready, given] = kept;
  assert.match(ready.token, /^[\w-]{472}$/);
  assert.deepEqual([ready.report, ready.until, given.from, given.until], [null, "2100-01-01T00:00:00.000Z", null, null]);
  assert.ok(Date.parse(ready.from) <= Date.now());
  assert.deepEqual([given.report, said(front.requests[0])], [waiting.sha256, `PrivateToken token="${given.token}"`]);
  // A storage that fails is said, and the rest is told all the same.
  storage.get = async () => Promise.reject(new Error("gone"));
  assert.deepEqual((await run.client.exportData()).tokens, []);
  assert.equal(run.heard.error.length, 2, "the collector was busy, and the storage is gone");
  await run.client.destroy();
  const { client } = start();
  await client.ready;
  assert.deepEqual((await client.exportData()).tokens, []);
  await client.destroy();
  [issuing, front].forEach((server) => server.close());
});
