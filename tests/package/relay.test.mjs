// Reports through a relay: what the relay and the gateway see, what counts as delivered, and that nothing ever goes directly.
import assert from "node:assert/strict";
import { test } from "node:test";

import { collector } from "./support/collector.mjs";
import { createClient, nextWindow, start } from "./support/client.mjs";
import { GATEWAY, gateway, response } from "./support/gateway.mjs";
import { KEYS, unseal } from "./support/hpke.mjs";
import { ALL, DAY, handClock, shelf, shop, START } from "./support/packs.mjs";
import { relay } from "./support/relay.mjs";
import { serve } from "./support/server.mjs";

const pack = (gateway = GATEWAY) => shop({ collector: { keys: KEYS, gateway } });

/** A client with a report due, a relay, a gateway behind it, and a collector that must never hear of it directly. */
async function world({ answers, relayUrl, change = {}, gateway: keys } = {}) {
  const [direct, behind] = [await collector(), await gateway(answers)];
  const between = await relay(`${behind.url}/v1/oblivious`, { localAddress: "127.0.0.3" });
  const run = start({ pack: pack(keys), collector: `${direct.url}/shop`, relay: relayUrl ?? between.url, ...change });
  run.client.consent.set(ALL);
  await run.client.ready;
  await nextWindow(run);
  return {
    ...run,
    direct,
    behind,
    between,
    async end() {
      assert.deepEqual(direct.requests, [], "nothing went directly");
      await run.client.destroy();
      direct.close();
      behind.close();
      await between.close();
    },
  };
}

test("through a relay the gateway gets the report, byte for byte, from the relay's address and with nothing of the device", async () => {
  const { client, behind, direct, end, heard } = await world();
  const preview = await client.preview();
  assert.deepEqual(await client.flush(), { sent: 1, queued: 0 });
  const [{ method, url, headers, address, outside, inside }] = behind.requests;
  assert.deepEqual([method, url, address], ["POST", "/v1/oblivious", "127.0.0.3"]);
  assert.deepEqual(Object.keys(headers).sort(), ["connection", "content-length", "content-type", "host"]);
  assert.equal(headers["content-type"], "message/ohttp-req");
  // One block of 1,024 bytes in its envelope, whatever it holds.
  assert.equal(outside.length, 7 + 32 + 1024 + 16);
  assert.deepEqual([inside.method, inside.url], ["POST", `${direct.url}/shop/v1/reports`]);
  assert.equal(inside.fields, "\x0ccontent-type&application/vnd.keepset.sealed-reports");
  assert.deepEqual(new Uint8Array(inside.body), preview.sealed);
  assert.deepEqual(new Uint8Array(unseal(inside.body)), preview.body);
  const [entry] = await client.ledger.list();
  assert.deepEqual([entry.outcome, entry.sha256, entry.size], ["accepted", preview.sha256, inside.body.length]);
  assert.deepEqual(heard.report.map(({ outcome }) => outcome), ["accepted"]);
  await end();
});

test("no answer but the gateway's own to this very request counts, and every attempt is the same report in a new envelope", async () => {
  let first;
  const json = { "content-type": "application/json" };
  const whole = (status, type, body) => (out) => out.writeHead(status, { "content-type": type, "retry-after": "1" }).end(body);
  const answers = [
    // The relay, or whoever sits between, speaks for itself: it has confirmed nothing and refused nothing.
    whole(200, "application/json", '{"accepted":1,"known":0}'),
    whole(403, "application/problem+json", "{}"),
    whole(400, "application/problem+json", '{"type":"/problems/not-decapsulated"}'),
    whole(200, "message/ohttp-res", "no such thing"),
    whole(200, "message/ohttp-res", ""),
    // An answer that was damaged, cut, or labelled as something else.
    (out, { seal }) => {
      first = seal(response(200, json, '{"accepted":1,"known":0}'));
      const damaged = Buffer.from(first);
      damaged[40] ^= 1;
      out.writeHead(200, { "content-type": "message/ohttp-res" }).end(damaged);
    },
    (out, { seal }) => out.writeHead(200, { "content-type": "message/ohttp-res" }).end(seal(response(200, json, "{}")).subarray(0, 30)),
    (out, { seal }) => out.writeHead(200, json).end(seal(response(200, json, '{"accepted":1,"known":0}'))),
    (out, { seal }) => out.writeHead(502, { "content-type": "message/ohttp-res" }).end(seal(response(200, json, '{"accepted":1,"known":0}'))),
    // The right answer to another request.
    (out) => out.writeHead(200, { "content-type": "message/ohttp-res" }).end(first),
    // What opens and says that nothing was taken.
    response(503, { "content-type": "application/problem+json", "retry-after": "5" }, "{}"),
    response(204, {}, ""),
    response(200, { "content-type": "text/html" }, "hello"),
    Buffer.from("no message"),
  ];
  const attempts = answers.length;
  const { client, behind, codes, end } = await world({ answers });
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    assert.deepEqual(await client.flush(), { sent: 0, queued: 1, skipped: "offline" }, `attempt ${attempt}`);
    assert.equal((await client.ledger.list())[0].attempts, attempt);
  }
  assert.deepEqual(await client.flush(), { sent: 1, queued: 0 });
  const distinct = (of) => new Set(behind.requests.map(of)).size;
  assert.equal(behind.requests.length, attempts + 1);
  assert.equal(distinct(({ inside }) => inside.body.toString("hex")), 1);
  assert.equal(distinct(({ outside }) => outside.subarray(7, 39).toString("hex")), attempts + 1);
  assert.deepEqual(new Set(codes()), new Set(["network"]));
  await end();
});

test("what the collector says inside is treated as if it had said it directly", async () => {
  const problem = { "content-type": "application/problem+json" };
  const { client, behind, codes, end } = await world({ answers: [response(410, problem, '{"type":"/problems/window-closed"}')] });
  assert.deepEqual(await client.flush(), { sent: 0, queued: 0, skipped: "refused" });
  assert.deepEqual(codes(), ["collector_rejected"]);
  assert.deepEqual(await client.flush(), { sent: 0, queued: 0, skipped: "answered" });
  assert.equal(behind.requests.length, 1);
  await end();
});

test("while the relay is down nothing goes anywhere, and the same report goes when it is back", async () => {
  const { client, behind, between, end } = await world();
  await between.close();
  for (let attempt = 1; attempt <= 3; attempt += 1) assert.deepEqual(await client.flush(), { sent: 0, queued: 1, skipped: "offline" });
  assert.deepEqual(behind.requests, []);
  const preview = await client.preview();
  const again = await relay(`${behind.url}/v1/oblivious`, { port: between.port });
  assert.deepEqual(await client.flush(), { sent: 1, queued: 0 });
  assert.deepEqual(new Uint8Array(behind.requests[0].inside.body), preview.sealed);
  await again.close();
  await end();
});

test("without a key of the gateway for the time no report is made, and one that waits stays", async () => {
  const day = (at) => new Date(at).toISOString().slice(0, 10);
  for (const keys of [undefined, [{ ...GATEWAY[0], from: day(START - DAY), until: day(START) }]]) {
    const { client, behind, end } = await world({ change: { pack: shop({ collector: { keys: KEYS, ...(keys ? { gateway: keys } : {}) } }) } });
    assert.deepEqual(await client.flush(), { sent: 0, queued: 0, skipped: "no_key" });
    assert.equal((await client.ledger.budget()).spent, 0);
    assert.deepEqual(behind.requests, []);
    await end();
  }
  // Made without a relay and not sent; then the page gets one, and a pack without a key for it.
  const [direct, values] = [await collector([[503, "text/plain", ""]]), new Map()];
  const clock = handClock();
  const open = (more) => createClient({ pack: shop(), clock, storage: shelf(values), collector: direct.url, ...more });
  const before = open();
  before.consent.set(ALL);
  await before.ready;
  await before.ledger.list();
  clock.skip(DAY);
  assert.equal((await before.flush()).skipped, "offline");
  await before.destroy();
  const after = open({ relay: "http://127.0.0.1:9/" });
  await after.ready;
  assert.equal((await after.flush()).sent, 0);
  assert.equal((await after.ledger.list())[0].outcome, "waiting");
  assert.equal(direct.requests.length, 1);
  await after.destroy();
  direct.close();
});

test("without a key of the gateway nothing is shared either, where labels are all that is due", async () => {
  const labels = { id: "offers", owner: "The shop", purpose: "To send you offers that fit.", text_version: 1, every_days: 1, segments: [{ id: "buyer", reason: "Buyers get other offers." }] };
  for (const [keys, most] of [[GATEWAY, "label"], [undefined, undefined]]) {
    const { client, clock, heard, behind, end } = await world({ change: { pack: shop({ labels, collector: { keys: KEYS, ...(keys ? { gateway: keys } : {}) } }) } });
    await client.deleteAll();
    await client.consent.set({ ...ALL, reporting: "denied" });
    const skipped = new Set();
    for (let step = 0; step < 8; step += 1) {
      clock.skip(DAY / 4);
      skipped.add((await client.flush()).skipped);
    }
    assert.equal((await client.ledger.list()).at(-1)?.kind, most);
    assert.deepEqual([behind.requests.length > 0, skipped.has("no_key")], [keys !== undefined, keys === undefined]);
    assert.deepEqual(heard.error.map(({ code }) => code), keys ? [] : ["no_key"], "said once");
    await end();
  }
});

test("of a gateway's keys the one in use that came last is taken", async () => {
  const later = { ...GATEWAY[0], from: "2025-12-01" };
  const earlier = { ...GATEWAY[0], id: 3, public_key: "09".padEnd(64, "0"), until: "2030-01-01" };
  const { client, behind, end } = await world({ gateway: [earlier, later] });
  assert.deepEqual(await client.flush(), { sent: 1, queued: 0 });
  assert.equal(behind.requests[0].outside[0], 9);
  await end();
});

test("a relay that redirects, never ends or answers without end delivers nothing, and withdrawal stops what is under way", async () => {
  const elsewhere = await serve([], (_, out) => out.end());
  const moved = await serve([], (_, out) => out.writeHead(307, { location: elsewhere.url }).end());
  const one = await world({ relayUrl: moved.url });
  assert.equal((await one.client.flush()).skipped, "offline");
  await one.end();
  let asked;
  const arrived = new Promise((resolve) => (asked = resolve));
  const silent = await serve([], () => asked());
  const two = await world({ relayUrl: silent.url });
  const sending = two.client.flush();
  await arrived;
  two.client.consent.set({ reporting: "denied" });
  assert.equal((await sending).sent, 0);
  assert.equal((await two.client.ledger.list())[0].outcome, "withdrawn");
  await two.end();
  for (const server of [elsewhere, moved, silent]) server.close();
});

test("options that would let something go directly, or are no relay, are refused by name", async () => {
  const cases = [
    [{ relay: "https://relay.example" }, /options\.collector must be a URL/],
    [{ collector: "https://r.example", relay: "ftp://relay.example" }, /options\.relay must begin with https: or http:/],
    [{ collector: "https://r.example", relay: 7 }, /options\.relay must be a URL/],
    [{ collector: { url: "https://r.example", transport: async () => ({ outcome: "accepted" }) }, relay: "https://relay.example" }, /options\.relay excludes collector\.headers/],
    [{ collector: { url: "https://r.example", headers: { a: "b" } }, relay: "https://relay.example" }, /options\.relay excludes collector\.headers/],
  ];
  for (const [options, sentence] of cases) {
    const client = createClient({ pack: pack(), storage: shelf(), ...options });
    await client.ready;
    assert.deepEqual([client.status, client.error.code], ["failed", "invalid_options"]);
    assert.match(client.error.message, sentence);
  }
});

test("the relay passes on what its gateway answers and nothing of who asks, and takes nothing else", async () => {
  const behind = await serve([], (request, out) => {
    behind.requests.push({ headers: request.headers, address: request.socket.remoteAddress });
    out.writeHead(503, { "content-type": "message/ohttp-res", "retry-after": "7", "x-more": "1", "set-cookie": "a=b" }).end("sealed");
  });
  const between = await relay(behind.url, { localAddress: "127.0.0.3" });
  const post = (body, headers = {}) => fetch(between.url, { method: "POST", body, headers: { "content-type": "message/ohttp-req", ...headers } });
  const answer = await post("x", { cookie: "a=b", "x-forwarded-for": "192.0.2.1", origin: "https://shop.example", referer: "https://shop.example/" });
  assert.deepEqual([answer.status, await answer.text(), answer.headers.get("retry-after"), answer.headers.get("x-more"), answer.headers.get("set-cookie")], [503, "sealed", "7", null, null]);
  assert.equal(answer.headers.get("access-control-allow-origin"), "*");
  assert.deepEqual(behind.requests.map(({ headers, address }) => [address, Object.keys(headers).sort()]), [["127.0.0.3", ["connection", "content-length", "content-type", "host"]]]);
  assert.equal((await post("x".repeat(16 * 1024 + 1))).status, 413);
  assert.equal((await post("x", { "content-type": "text/plain" })).status, 415);
  assert.equal((await fetch(between.url)).status, 405);
  behind.close();
  assert.equal((await post("x")).status, 502);
  assert.equal(behind.requests.length, 1);
  await between.close();
});
