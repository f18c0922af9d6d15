// The one rule by which signals are joined, held against an oracle of its own; and what becomes of it in the client.
import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeClient, GATES, gppData, gtag, inPage, manager, signs, tcData, usnat } from "./support/consent.mjs";

const ALL = [1, 4, 5, 8, 9];
const yes = (choice = "granted") => Object.fromEntries(GATES.map((gate) => [gate, choice]));
const turn = () => new Promise((done) => setImmediate(done));

// ---- the oracle: a number for every gate and signal, of which the lowest counts --------------

const [NO, WAIT, YES, SILENT] = [0, 1, 2, 3];
const lowest = (stances) => Math.min(SILENT, ...stances);
const four = (segmentation, storage, reporting, sharing) => ({ segmentation, storage, reporting, sharing });
const bit = (on) => (on ? YES : NO);

/** Random states of each signal: what is put into the page, and what the oracle knows it to mean. */
const STATES = {
  tcf: (random) => {
    const kind = random(6);
    if (kind === 0) return { say: [{ gdprApplies: false }, true], means: four(SILENT, SILENT, SILENT, SILENT) };
    if (kind === 1) return { say: [tcData({ publisher: ALL, eventStatus: "cmpuishown" }), true], means: four(WAIT, WAIT, WAIT, WAIT) };
    if (kind === 2) return { say: [tcData({ publisher: ALL }), false], means: four(NO, NO, NO, NO) };
    const publisher = ALL.filter(() => random(4) > 0);
    const has = (purpose) => publisher.includes(purpose);
    return { say: [tcData({ publisher, eventStatus: random(2) ? "tcloaded" : "useractioncomplete" }), true], means: four(bit(has(5)), bit(has(1)), bit(has(8) || has(9)), bit(has(4))) };
  },
  gpp: (random) => {
    const kind = random(5);
    if (kind === 0) return { say: [gppData({}, [7], { signalStatus: "not ready" }), true], means: four(WAIT, WAIT, WAIT, WAIT) };
    if (kind === 1) return { say: [gppData({ usnat: null }), true], means: four(NO, NO, NO, NO) };
    const [sale, share, ads] = [random(3), random(3), random(3)];
    const gpc = random(3) === 0;
    const section = usnat({ SaleOptOut: sale, SharingOptOut: share, TargetedAdvertisingOptOut: ads, Gpc: gpc });
    const out = sale === 1 || share === 1 || ads === 1 || gpc;
    return { say: [gppData({ usnat: section }), true], means: four(ads === 1 ? NO : SILENT, SILENT, SILENT, out ? NO : SILENT) };
  },
  gcm: (random) => {
    const word = () => ["granted", "granted", "denied", true][random(4)];
    const types = { analytics_storage: word(), functionality_storage: word(), personalization_storage: word(), ad_user_data: word(), ad_personalization: word() };
    const stance = (type) => (types[type] === "granted" ? YES : NO);
    const storage = lowest([stance("functionality_storage"), stance("analytics_storage")]);
    return { say: types, means: four(stance("personalization_storage"), storage, stance("analytics_storage"), lowest([stance("ad_user_data"), stance("ad_personalization")])) };
  },
  gpc: (random) => {
    const value = [true, false, undefined, "1"][random(4)];
    return { say: value, means: four(SILENT, SILENT, SILENT, value === true || value === "1" ? NO : SILENT) };
  },
  page: (random) => {
    const choice = Object.fromEntries(GATES.filter(() => random(2)).map((gate) => [gate, random(3) ? "granted" : "denied"]));
    return { say: choice, means: Object.fromEntries(GATES.map((gate) => [gate, { granted: YES, denied: NO }[choice[gate]] ?? SILENT])) };
  },
};

/** A small generator whose numbers the test can name. */
function generator(seed) {
  let state = seed * 2654435761 + 1;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test("whatever the signals say and in whatever order they come, a gate is what the lowest of them makes it", async () => {
  for (let seed = 1; seed <= 400; seed += 1) {
    const random = generator(seed);
    const managers = { tcf: manager(2), gpp: manager(undefined) };
    const layer = [];
    await inPage({ layer, tcf: managers.tcf.api, gpp: managers.gpp.api }, async ({ follow, document, navigator }) => {
      const client = fakeClient(random(2) ? yes() : {});
      const followed = follow(client);
      // Both managers are there and have not answered.
      const now = { tcf: four(WAIT, WAIT, WAIT, WAIT), gpp: four(WAIT, WAIT, WAIT, WAIT) };
      for (let step = 0; step < 12; step += 1) {
        const signal = Object.keys(STATES)[random(5)];
        const state = STATES[signal](random);
        // What the page chose for a gate stands until it chooses again.
        now[signal] = signal === "page" ? Object.fromEntries(GATES.map((gate) => [gate, state.say[gate] ? state.means[gate] : (now.page?.[gate] ?? SILENT)])) : state.means;
        if (signal === "page") await client.consent.set(state.say);
        else if (signal === "gcm") gtag(layer, "consent", "update", state.say);
        else if (signal === "gpc") (navigator.globalPrivacyControl = state.say), document.dispatchEvent(new Event("visibilitychange"));
        else managers[signal].say(...state.say);
        await turn();
        for (const gate of GATES) {
          const where = `seed ${seed}, step ${step}, ${signal}, ${gate}`;
          const stance = lowest(Object.values(now).map((means) => means[gate]));
          assert.equal(followed.decisions[gate].choice, ["denied", "pending", "granted", "pending"][stance], where);
          const kept = client.consent.get()[gate];
          if (stance === NO) assert.equal(kept, "denied", where);
          if (stance === YES) assert.equal(kept, "granted", where);
          if (stance === WAIT) assert.ok(kept !== "granted" || client.status === "paused", where);
        }
      }
    });
  }
});

test("the decisions name who made them, and nothing else", () =>
  inPage({ gpc: true, tcf: manager(2, tcData({ publisher: [1, 5] }), true).api }, async ({ follow }) => {
    const { decisions } = follow(fakeClient());
    assert.deepEqual(decisions, {
      segmentation: { choice: "granted", by: ["tcf"] },
      storage: { choice: "granted", by: ["tcf"] },
      reporting: { choice: "denied", by: ["tcf"] },
      sharing: { choice: "denied", by: ["tcf", "gpc"] },
    });
  }));

test("onDecision hears the first decision and every change, one time each, and may throw", () =>
  inPage({}, async ({ follow }) => {
    const tcf = manager(2, tcData(), true);
    globalThis.__tcfapi = tcf.api;
    const heard = [];
    const real = globalThis.reportError;
    const surfaced = [];
    globalThis.reportError = (error) => surfaced.push(error.message);
    const followed = follow(fakeClient(), { onDecision: (decisions) => { heard.push(signs(decisions)); assert.ok(followed); throw new Error("mine"); } });
    await turn();
    tcf.say(tcData(), true);
    tcf.say(tcData({ publisher: ALL }), true);
    await turn();
    globalThis.reportError = real;
    assert.deepEqual(heard, ["----", "++++"]);
    assert.deepEqual(surfaced, ["mine", "mine"]);
  }));

test("one signal found beside another counts at the same moment: what one denies is not granted for an instant", () =>
  inPage({ gpc: true, tcf: manager(2, tcData({ publisher: ALL }), true).api }, async ({ follow }) => {
    const client = fakeClient();
    follow(client);
    assert.deepEqual(client.sets, [{ segmentation: "granted", storage: "granted", reporting: "granted", sharing: "denied" }]);
  }));

// ---- the client ---------------------------------------------------------------------------

test("while an answer is awaited a client with grants of an earlier visit rests, and nothing is erased", () =>
  inPage({}, async ({ follow }) => {
    const tcf = manager(2);
    globalThis.__tcfapi = tcf.api;
    const client = fakeClient(yes());
    follow(client, { signals: ["tcf"] });
    assert.equal(client.status, "paused");
    client.resume();
    assert.equal(client.status, "paused", "the page cannot wake it over the open question");
    tcf.say(tcData({ publisher: ALL }), true);
    assert.equal(client.status, "ready");
    assert.deepEqual(client.sets, []);
    tcf.say(tcData({ publisher: ALL, eventStatus: "cmpuishown" }), true);
    assert.equal(client.status, "paused");
    tcf.say(tcData({ eventStatus: "useractioncomplete" }), true);
    assert.equal(client.status, "ready");
    assert.equal(client.gates(), "----");
  }));

test("a client without grants is not paused, and one the page paused stays so", () =>
  inPage({ tcf: manager(2).api }, async ({ follow }) => {
    const fresh = fakeClient();
    follow(fresh, { signals: ["tcf"] });
    assert.equal(fresh.status, "ready");
    const paused = fakeClient(yes());
    paused.pause();
    const followed = follow(paused, { signals: ["tcf"] });
    followed.stop();
    assert.equal(paused.status, "paused");
  }));

test("a refusal the page repeats is confirmed each time, and a choice that is none is left to the client", () =>
  inPage({}, async ({ follow }) => {
    const client = fakeClient();
    follow(client);
    await client.consent.set({ storage: "denied" });
    await client.consent.set({ storage: "denied" });
    for (const odd of [null, "granted", { storge: "granted" }, { storage: "pending" }, { storage: true }]) await client.consent.set(odd);
    assert.deepEqual(client.sets, [{ storage: "denied" }, { storage: "denied" }, null, "granted", { storge: "granted" }, { storage: "pending" }, { storage: true }]);
  }));

test("what another tab grants over a refusal is refused again, and what is taken away is not granted again", () =>
  inPage({ tcf: manager(2, tcData({ publisher: [5] }), true).api }, async ({ follow }) => {
    const client = fakeClient();
    follow(client);
    assert.equal(client.gates(), "+---");
    client.elsewhere({ sharing: "granted" });
    await turn();
    assert.equal(client.gates(), "+---");
    client.elsewhere({ segmentation: "pending" });
    await turn();
    assert.equal(client.gates(), "?---");
    await client.consent.set({ segmentation: "granted" });
    assert.equal(client.gates(), "+---", "the page may ask for it");
  }));

test("stop ends it once and for all: no listener, no wrapper, no timer, no say", () =>
  inPage({}, async ({ follow }) => {
    const [tcf, gpp] = [manager(2, tcData({ publisher: ALL }), true), manager(undefined, gppData({ usnat: usnat() }), true)];
    const layer = [];
    Object.assign(globalThis, { __tcfapi: tcf.api, __gpp: gpp.api, dataLayer: layer });
    const client = fakeClient();
    const { set } = client.consent;
    const followed = follow(client, { signals: ["tcf", "gpp", "gpc", "gcm"] });
    assert.equal(tcf.listeners.size + gpp.listeners.size, 2);
    assert.ok(Object.hasOwn(layer, "push") && client.consent.set !== set);
    followed.stop();
    followed.stop();
    assert.equal(tcf.listeners.size + gpp.listeners.size + client.listeners.size, 0);
    assert.ok(!Object.hasOwn(layer, "push") && client.consent.set === set);
    const told = client.sets.length;
    gtag(layer, "consent", "update", { analytics_storage: "denied" });
    tcf.say(tcData(), true);
    assert.equal(client.sets.length, told);
  }));

test("an aborted signal is a stop, and one that was aborted before follows nothing", () =>
  inPage({}, async ({ follow }) => {
    const tcf = manager(2, tcData({ publisher: ALL }), true);
    globalThis.__tcfapi = tcf.api;
    const [client, other] = [fakeClient(), fakeClient()];
    const abort = new AbortController();
    follow(client, { signal: abort.signal });
    assert.equal(tcf.listeners.size, 1);
    abort.abort();
    follow(other, { signal: abort.signal });
    assert.equal(tcf.listeners.size + client.listeners.size + other.listeners.size, 0);
    const told = client.sets.length;
    tcf.say(tcData(), true);
    assert.deepEqual([client.sets.length, other.sets.length], [told, 0]);
  }));

test("a destroyed client is followed no longer", () =>
  inPage({}, async ({ follow }) => {
    const tcf = manager(2, tcData({ publisher: ALL }), true);
    globalThis.__tcfapi = tcf.api;
    const client = fakeClient();
    follow(client);
    client.become("destroyed");
    assert.equal(tcf.listeners.size + client.listeners.size, 0);
  }));

test("two that follow one client are one more signal to each other, in whatever order they end", () =>
  inPage({ gpc: true, tcf: manager(2, tcData({ publisher: ALL }), true).api }, async ({ follow }) => {
    const client = fakeClient();
    const { set } = client.consent;
    const first = follow(client, { signals: ["gpc"] });
    const second = follow(client, { signals: ["tcf"] });
    assert.equal(client.gates(), "+++-");
    first.stop();
    second.stop();
    await client.consent.set({ sharing: "granted" });
    assert.equal(client.gates(), "++++");
    client.consent.set = set;
  }));

test("options and clients that are none throw nothing", () =>
  inPage({ gpc: true }, async ({ follow }) => {
    const real = console.error;
    const said = [];
    console.error = (...words) => said.push(words.join(" "));
    for (const options of [null, 7, { signals: 5 }, { mapping: null }, { mapping: { gpc: "sharing" } }, { onDecision: 5 }, Object.defineProperty({}, "signals", { get() { throw new Error("a lie"); } })]) {
      const client = fakeClient();
      follow(client, options).stop();
      assert.doesNotMatch(client.gates(), /\+/);
    }
    for (const client of [undefined, null, {}, { consent: {} }]) assert.doesNotMatch(signs(follow(client).decisions), /\+/);
    console.error = real;
    assert.ok(said.length > 0 && said.every((line) => line.startsWith("keepset/consent: ")));
  }));

// ---- the page -----------------------------------------------------------------------------

test("a manager that comes later is found, and one that replaces its stub is heard", () =>
  inPage({}, async ({ follow, window }) => {
    const client = fakeClient(yes());
    follow(client);
    assert.equal(client.gates(), "++++");
    const queue = [];
    globalThis.__tcfapi = (...call) => void queue.push(call);
    window.dispatchEvent(new Event("load"));
    const tcf = manager(2, tcData({ publisher: [1] }), true);
    globalThis.__tcfapi = tcf.api;
    for (const call of queue) tcf.api(...call);
    assert.equal(client.gates(), "-+--");
    const gpp = manager(undefined, gppData({ usnat: usnat({ SaleOptOut: 1 }) }), true);
    globalThis.__gpp = gpp.api;
    await new Promise((done) => setTimeout(done, 300));
    assert.equal(gpp.listeners.size, 1, "without any event of the page");
  }));

test("the page's own push goes on as it was: what it returns, what it throws, and whoever wrapped it", () =>
  inPage({}, async ({ follow }) => {
    const layer = [1];
    const pushed = [];
    layer.push = function (...items) {
      if (items[0] === "bad") throw new Error("the page's own");
      pushed.push(...items);
      return Array.prototype.push.apply(this, items);
    };
    const own = layer.push;
    globalThis.dataLayer = layer;
    const client = fakeClient();
    const followed = follow(client);
    assert.equal(layer.push("a", "b"), 3);
    assert.throws(() => layer.push("bad"), /the page's own/);
    const inner = layer.push;
    layer.push = (...items) => inner.apply(layer, items);
    gtag(layer, "consent", "update", { personalization_storage: "granted" });
    assert.equal(client.gates(), "+???");
    followed.stop();
    layer.push = inner;
    layer.push("c");
    assert.equal(pushed.at(-1), "c");
    assert.notEqual(layer.push, own);
    assert.deepEqual([...layer].slice(0, 3), [1, "a", "b"]);
  }));
