// `keepset/consent/{onetrust,cookiebot,c15t}`: what each manager says by its documented interface, under the one rule, and with a real client in a page.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { fakeClient, inPage, installed, manager, signs, tcData } from "./support/consent.mjs";
import { c15tStub, cookiebotStub, oneTrustStub } from "./support/managers.mjs";
import { code, files, ready, visit } from "./support/visit.mjs";

const load = (entry) => import(pathToFileURL(join(installed.dist, `consent-${entry}.js`)).href);
const [{ oneTrust }, { cookiebot }, { c15t }] = await Promise.all(["onetrust", "cookiebot", "c15t"].map(load));

const GROUPS = { segmentation: ["C0003"], storage: ["C0003", "C0002"], reporting: ["C0002"], sharing: ["C0004"] };
const COOKIES = { segmentation: ["preferences"], storage: ["preferences", "statistics"], reporting: ["statistics"], sharing: ["marketing"] };
const CATEGORIES = { segmentation: ["functionality"], storage: ["functionality", "measurement"], reporting: ["measurement"], sharing: ["marketing"] };
const turn = () => new Promise((done) => setImmediate(done));

/** Each manager in a page of its own, told the same choices: preferences, statistics, marketing. */
const MANAGERS = {
  onetrust(state) {
    let window;
    const active = ["C0001", ...(state?.preferences ? ["C0003"] : []), ...(state?.statistics ? ["C0002"] : []), ...(state?.marketing ? ["C0004"] : [])];
    const stub = oneTrustStub(() => window, { active, answered: state !== undefined });
    return { globals: stub.globals, source: oneTrust(GROUPS), choose: ({ preferences, statistics, marketing }) => stub.choose(...(preferences ? ["C0003"] : []), ...(statistics ? ["C0002"] : []), ...(marketing ? ["C0004"] : [])), enter: (page) => (window = page) };
  },
  cookiebot(state) {
    let window;
    const stub = cookiebotStub(() => window, { consent: state, hasResponse: state !== undefined });
    return { globals: stub.globals, source: cookiebot(COOKIES), choose: stub.choose, enter: (page) => (window = page) };
  },
  c15t(state) {
    const said = ({ preferences = false, statistics = false, marketing = false }) => ({ necessary: true, functionality: preferences, measurement: statistics, marketing });
    const stub = c15tStub(said(state ?? {}), state !== undefined);
    return { globals: {}, source: c15t(stub.store, CATEGORIES), choose: (choice) => stub.choose(said(choice)), enter: () => undefined, listeners: stub.listeners };
  },
};
const ALL = { preferences: true, statistics: true, marketing: true };

for (const [name, made] of Object.entries(MANAGERS)) {
  /** A page with this manager, which has the answer of an earlier visit, if any. */
  const within = (state, run, page = {}) => {
    const there = made(state);
    return inPage({ ...page, globals: { ...there.globals, ...page.globals } }, (inside) => (there.enter(inside.window), run({ ...inside, ...there })));
  };

  test(`${name}: before its question is answered every gate waits, and a client with grants of an earlier visit rests`, () =>
    within(undefined, ({ follow, source }) => {
      const [fresh, returning] = [fakeClient(), fakeClient({ segmentation: "granted", storage: "granted" })];
      assert.equal(signs(follow(fresh, { sources: [source] }).decisions), "????");
      follow(returning, { sources: [source] });
      assert.equal(returning.status, "paused");
      assert.deepEqual(returning.sets, []);
    }));

  test(`${name}: the answer of an earlier visit counts at once, each gate by all of its categories`, async () => {
    const cases = [[ALL, "++++"], [{}, "----"], [{ preferences: true }, "+---"], [{ statistics: true }, "--+-"], [{ preferences: true, statistics: true }, "+++-"], [{ marketing: true }, "---+"]];
    for (const [state, expected] of cases) {
      await within(state, ({ follow, source }) => {
        const client = fakeClient();
        const { decisions } = follow(client, { sources: [source] });
        assert.equal(signs(decisions), expected, JSON.stringify(state));
        assert.equal(client.gates(), expected);
        assert.deepEqual(decisions.sharing.by, [name]);
      });
    }
  });

  test(`${name}: an answer is followed as it is given and changed, until the following stops`, () =>
    within(undefined, ({ follow, source, choose }) => {
      const client = fakeClient();
      const followed = follow(client, { sources: [source] });
      choose(ALL);
      assert.equal(client.gates(), "++++");
      choose({ preferences: true });
      assert.equal(client.gates(), "+---");
      followed.stop();
      choose(ALL);
      assert.equal(client.gates(), "+---");
    }));

  test(`${name}: the most restrictive signal wins beside it, and gates without a category are none of its business`, () =>
    within(ALL, async ({ follow, source }) => {
      const client = fakeClient();
      const followed = follow(client, { sources: [source] });
      await turn();
      assert.equal(signs(followed.decisions), "-+--");
      assert.deepEqual([...followed.decisions.storage.by].sort(), [name, "tcf"].sort());
      const silent = follow(fakeClient(), { signals: [], sources: [{ ...source, gates: ["storage"] }] });
      assert.equal(signs(silent.decisions), "?+??");
    }, { gpc: true, tcf: manager(2, tcData({ publisher: [1] }), true).api }));
}

test("a manager that comes late is waited for, and one that never comes grants nothing", () =>
  inPage({}, async ({ follow, window }) => {
    const client = fakeClient();
    const followed = follow(client, { sources: [oneTrust(GROUPS)] });
    assert.equal(signs(followed.decisions), "????");
    await client.consent.set({ storage: "granted" });
    assert.equal(client.gates(), "????", "the page cannot answer for it");
    const { globals } = oneTrustStub(() => window, { active: ["C0001", "C0002", "C0003"], answered: true });
    Object.assign(globalThis, globals);
    window.dispatchEvent(new Event("load"));
    assert.equal(client.gates(), "+++-");
    for (const key of Object.keys(globals)) delete globalThis[key];
  }));

test("what cannot be read is a no for every gate the mapping names, whichever way it is broken", async () => {
  const boom = () => { throw new Error("a lie"); };
  const onetrust = (change) => ({ ...oneTrustStub(() => undefined, { answered: true }).globals, ...change });
  const cookie = (Cookiebot) => ({ Cookiebot });
  const broken = [
    ["a function that throws", onetrust({ OneTrust: { OnConsentChanged: boom, IsAlertBoxClosed: () => true } }), oneTrust(GROUPS)],
    ["no way to hear of changes", onetrust({ OneTrust: {} }), oneTrust(GROUPS)],
    ["no way to tell whether it was answered", onetrust({ OneTrust: { OnConsentChanged: () => undefined } }), oneTrust(GROUPS)],
    ["an answer that is no answer", onetrust({ OneTrust: { OnConsentChanged: () => undefined, IsAlertBoxClosed: () => undefined } }), oneTrust(GROUPS)],
    ["a category that is part of another's name", onetrust({ OnetrustActiveGroups: ",C00030,XC0002," }), oneTrust(GROUPS)],
    ["texts in place of flags", cookie({ consent: { preferences: "true", statistics: 1, marketing: {} }, hasResponse: false }), cookiebot(COOKIES)],
    ["flags that are missing", cookie({ consent: {}, hasResponse: false }), cookiebot(COOKIES)],
    ["a getter that throws", cookie({ get consent() { return new Proxy({}, { get: boom }); } }), cookiebot(COOKIES)],
    ["a store that throws", {}, c15t({ getState: boom, subscribe: () => () => undefined }, CATEGORIES)],
    ["a store that is none", {}, c15t({}, CATEGORIES)],
    ["a store whose answers are no flags", {}, c15t({ getState: () => ({ has: () => "yes", hasConsented: () => false }), subscribe: () => () => undefined }, CATEGORIES)],
    ["a category that does not exist", cookie({ consent: { preferences: true }, hasResponse: true }), cookiebot(Object.fromEntries(Object.keys(COOKIES).map((gate) => [gate, ["preferences", "preference"]])))],
    ["a mapping that is no list", cookie({ consent: { preferences: true }, hasResponse: true }), cookiebot(Object.fromEntries(Object.keys(COOKIES).map((gate) => [gate, "preferences"])))],
  ];
  for (const [what, globals, source] of broken) {
    await inPage({ globals }, ({ follow }) => {
      const client = fakeClient({ segmentation: "granted", sharing: "granted" });
      follow(client, { sources: [source] });
      assert.equal(client.gates(), "----", what);
    });
  }
});

test("when the following stops, the store of c15t has no listener of it", () =>
  inPage({}, ({ follow }) => {
    const { store, listeners } = c15tStub(CATEGORIES, true);
    const followed = follow(fakeClient(), { sources: [c15t(store, CATEGORIES)] });
    assert.equal(listeners.size, 1);
    followed.stop();
    assert.equal(listeners.size, 0);
  }));

test("in a page with a real client: nothing is stored before the answer, then it is, and a withdrawal erases it", async () => {
  const script = `${code()}
    import { followConsent } from "/keepset/consent.js";
    import { cookiebot } from "/keepset/consent-cookiebot.js";
    followConsent(keepset, { sources: [cookiebot(${JSON.stringify({ segmentation: ["preferences"], storage: ["preferences"] })})] });
    globalThis.choose = (preferences) => { Cookiebot.consent.preferences = preferences; Cookiebot.hasResponse = true; dispatchEvent(new Event("CookiebotOnConsentReady")); };`;
  const shop = await visit({ files: { ...files(), "/page.js": script } });
  const page = await shop.open();
  await ready(page);
  const kept = () => page.evaluate(async () => [(await indexedDB.databases()).length > 0, keepset.consent.get().segmentation, keepset.consent.get().storage]);
  assert.deepEqual(await kept(), [false, "pending", "pending"]);
  await page.evaluate(() => { globalThis.Cookiebot = { consent: { preferences: false }, hasResponse: false }; });
  await page.waitForTimeout(300);
  assert.deepEqual(await kept(), [false, "pending", "pending"]);
  await page.evaluate(() => choose(true));
  await page.waitForFunction(() => keepset.consent.get().storage === "granted");
  await page.evaluate(() => { keepset.track("purchase", { value: 1 }); return keepset.flush(); });
  await page.waitForFunction(async () => keepset.has("buyer") && (await indexedDB.databases()).length > 0);
  await page.evaluate(() => choose(false));
  await page.waitForFunction(async () => !keepset.has("buyer") && (await indexedDB.databases()).length === 0);
  assert.deepEqual(await kept(), [false, "denied", "denied"]);
  assert.deepEqual(page.problems, []);
  await shop.close();
});
