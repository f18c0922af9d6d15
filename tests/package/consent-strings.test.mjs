// Consent strings and the keys of native apps: read as the reference libraries read them, and never taken for more than they say.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

import { fakeClient, followConsent, inPage, installed, signs } from "./support/consent.mjs";
import { damaged, generator, tcString, text } from "./support/strings.mjs";

const load = (file) => import(pathToFileURL(join(installed.dist, file)).href);
const { readTcf, readGpp, readGppSections } = await load("consent-strings.js");
const { nativeSignals } = await load("consent-native.js");

// ---- against the reference libraries ---------------------------------------------------------

const FROZEN = new URL("../vectors/consent-strings.json", import.meta.url);
const READERS = { tcf: readTcf, gpp: readGpp };
/** As JSON has it: what is no number is null there. */
const plain = (value) => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

function agree(file) {
  const vectors = JSON.parse(readFileSync(file, "utf8"));
  const counted = { read: 0, refused: 0 };
  for (const [kind, read] of Object.entries(READERS)) {
    assert.ok(vectors[kind].length > 0, kind);
    for (const { string, ok, value } of vectors[kind]) {
      const found = plain(read(string));
      counted[ok ? "read" : "refused"] += 1;
      if (!ok) assert.equal(found, undefined, `${kind} ${string} is refused`);
      for (const field of Object.keys(value ?? {})) assert.deepEqual(found?.[field], value[field], `${field} of ${kind} ${string}`);
      if (kind === "gpp" && ok) assert.deepEqual(found, value, string);
    }
  }
  return counted;
}

test("every string is read in every field as the reference libraries read it, and what they refuse is refused", () => {
  const { read, refused } = agree(FROZEN);
  assert.ok(read > 70 && refused > 60, `${read} read, ${refused} refused`);
  if (process.env.KEEPSET_CONSENT_VECTORS) agree(process.env.KEEPSET_CONSENT_VECTORS);
});

test("the frozen strings have every section there is, and every part of each", () => {
  const { tcf, gpp } = JSON.parse(readFileSync(FROZEN, "utf8"));
  const sections = new Set(gpp.filter(({ ok }) => ok).flatMap(({ value }) => value.sectionIds));
  assert.deepEqual([...sections].sort((a, b) => a - b), [2, 5, 6, ...Array.from({ length: 21 }, (_, at) => at + 7)]);
  const said = (field) => tcf.some(({ value }) => value?.[field]?.length > 0);
  for (const field of ["vendorsDisclosed", "vendorsAllowed", "publisherConsents", "publisherCustomConsents", "publisherRestrictions"]) assert.ok(said(field), field);
});

// ---- damage ---------------------------------------------------------------------------------

test("no damage makes a reader throw", () => {
  const { tcf, gpp } = JSON.parse(readFileSync(FROZEN, "utf8"));
  let [read, refused] = [0, 0];
  for (const [kind, strings] of Object.entries({ tcf, gpp })) {
    for (const [at, { string }] of strings.entries()) {
      const random = generator(at + 1);
      for (let round = 0; round < 40; round += 1) {
        let wrong = string;
        for (let times = 1 + random(3); times > 0; times -= 1) wrong = damaged(wrong || "C", random);
        const found = READERS[kind](wrong);
        if (found === undefined) refused += 1;
        else read += 1;
      }
    }
  }
  assert.ok(read > 500 && refused > 1000, `${read} read, ${refused} refused`);
});

test("a core whose end is missing is refused, unless only its padding is", () => {
  const whole = tcString({ purposes: [1, 5], vendors: [3, 40], restrictions: [[2, 1, [40]]] });
  const value = readTcf(whole);
  for (let length = 0; length < whole.length; length += 1) {
    const found = readTcf(whole.slice(0, length));
    if (found) assert.deepEqual([found, length > whole.length - 4], [value, true], `${length} of ${whole.length}`);
  }
});

test("what is no base64url is refused wherever it stands, and so is an empty part", () => {
  const whole = tcString({ purposes: [1], publisher: [1], disclosed: [2] });
  for (let at = 0; at <= whole.length; at += 1) for (const letter of "+/= ~é") assert.equal(readTcf(whole.slice(0, at) + letter + whole.slice(at)), undefined, `${letter} at ${at}`);
  for (const none of [`${whole}.`, `.${whole}`, whole.replace(".", ".."), "", undefined, null, 7, {}, []]) assert.equal(readTcf(none), undefined, String(none));
});

test("a string without a core is refused, though the library makes one up", () => {
  const [, disclosed, publisher] = tcString({ publisher: [1], disclosed: [2] }).split(".");
  for (const string of [disclosed, publisher, `${disclosed}.${publisher}`]) assert.equal(readTcf(string), undefined);
  assert.equal(readGpp(`DBABMA~${disclosed}`), undefined);
});

test("a version that nobody knows is refused", () => {
  for (const version of [0, 3, 4, 5, 6, 7, 63]) assert.equal(readTcf(tcString({ version })), undefined, String(version));
  for (const string of ["DCABLA~CAAAAAAAAABA.QA", "EBABLA~CAAAAAAAAABA.QA", "~", "DBABLA", "DBABLA~", "DBABLA~CAAAAAAAAABA.QA~BAA", ""]) assert.equal(readGpp(string), undefined, string);
});

test("ranges that would hold more than memory does are refused", () => {
  // 400 ranges of all ids there can be.
  const core = tcString({}).slice(0, -4);
  assert.ok(readTcf(`${core}AAAA`));
  const ranges = "1".repeat(16) + "1" + (400).toString(2).padStart(12, "0") + `1${"0".repeat(15)}1${"1".repeat(16)}`.repeat(400);
  assert.equal(readGpp(`DBABMA~${tcString({})}.${text(`001${ranges}`)}`), undefined);
  // A Fibonacci number of a thousand digits.
  assert.equal(readGpp(`DB${text(`000000000001${"0".repeat(1)}${"01".repeat(3000)}1`)}`), undefined);
});

test("sections of GPP that came one by one are read by id and by name", () => {
  const all = readGpp("DBABLA~BVQqAAAAAgA.QA");
  assert.deepEqual(readGppSections({ 7: "BVQqAAAAAgA.QA" }), all);
  assert.deepEqual(readGppSections({ USNAT: "BVQqAAAAAgA.QA" }), all);
  assert.deepEqual(readGppSections({ 99: "BVQ" }), { sectionIds: [], sections: {} });
  assert.equal(readGppSections({ 7: "B" }), undefined);
});

// ---- the keys of native apps ----------------------------------------------------------------

const ALL = [1, 4, 5, 8, 9];
const granted = Object.fromEntries(["segmentation", "storage", "reporting", "sharing"].map((gate) => [gate, "granted"]));
const string = tcString({ purposes: ALL, vendors: [7], publisher: ALL });
/** What an app keeps of the string above. */
const KEYS = { IABTCF_gdprApplies: 1, IABTCF_TCString: string, IABTCF_PolicyVersion: 4, IABTCF_CmpSdkID: 31, IABTCF_PublisherCC: "DE", IABTCF_PurposeConsents: "100110011000000000000000", IABTCF_VendorConsents: "0000001", IABTCF_PublisherConsent: "1001100110" };
const us = (opted = "") => ({ IABGPP_HDR_GppString: opted === "out" ? "DBABLA~BVVVAAAAAgA.QA" : "DBABLA~BVQqAAAAAgA.QA", IABGPP_GppSID: "7" });

/** `[what is so, the keys, the gates, options, what the page itself chose]` */
const CASES = [
  ["consent to every purpose, and keys that say the same", KEYS, "++++"],
  ["a bridge that makes strings of numbers", { ...KEYS, IABTCF_gdprApplies: "1", IABTCF_PolicyVersion: "4" }, "++++"],
  ["the string alone", { IABTCF_gdprApplies: 1, IABTCF_TCString: string }, "++++"],
  ["no keys at all: whether GDPR applies is awaited", {}, "????", {}, granted],
  ["gdprApplies is missing, whatever else is there", { ...KEYS, IABTCF_gdprApplies: undefined }, "????", {}, granted],
  ["gdprApplies is null", { ...KEYS, IABTCF_gdprApplies: null }, "????", {}, granted],
  ["where GDPR does not apply TCF says nothing", { IABTCF_gdprApplies: 0 }, "????"],
  ["where GDPR does not apply the page has its say", { IABTCF_gdprApplies: 0 }, "++++", {}, granted],
  ["gdprApplies is no number", { ...KEYS, IABTCF_gdprApplies: "yes" }, "----"],
  ["gdprApplies is another number", { ...KEYS, IABTCF_gdprApplies: 2 }, "----"],
  ["the string is missing", { ...KEYS, IABTCF_TCString: undefined }, "----", {}, granted],
  ["the string is empty", { ...KEYS, IABTCF_TCString: "" }, "----", {}, granted],
  ["the string is no string", { ...KEYS, IABTCF_TCString: 7 }, "----", {}, granted],
  ["the string is cut off", { ...KEYS, IABTCF_TCString: string.slice(0, 30) }, "----", {}, granted],
  ["the string is of version 1", { ...KEYS, IABTCF_TCString: "BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA" }, "----", {}, granted],
  ["the string is of global scope", { IABTCF_gdprApplies: 1, IABTCF_TCString: tcString({ own: false, publisher: ALL }) }, "----"],
  ["the string is there twice", { ...KEYS, IABTCF_TCString: `${string}.${string}` }, "----"],
  ["the string has no publisher's part", { IABTCF_gdprApplies: 1, IABTCF_TCString: tcString({ purposes: ALL }) }, "----"],
  ["the string consents to less than all", { IABTCF_gdprApplies: 1, IABTCF_TCString: tcString({ publisher: [1, 5] }) }, "++--"],
  ["a flag says no where the string says yes", { ...KEYS, IABTCF_PublisherConsent: "1001100100" }, "----", {}, granted],
  ["a flag says yes where the string says no", { ...KEYS, IABTCF_PurposeConsents: "110110011" }, "----"],
  ["a flag is neither", { ...KEYS, IABTCF_PurposeConsents: "1x0110011" }, "----"],
  ["a policy that is not the string's", { ...KEYS, IABTCF_PolicyVersion: 2 }, "----"],
  ["a manager that is not the string's", { ...KEYS, IABTCF_CmpSdkID: 30 }, "----"],
  ["a country that is not the string's", { ...KEYS, IABTCF_PublisherCC: "FR" }, "----"],
  ["vendors that are not the string's", { ...KEYS, IABTCF_VendorConsents: "0000000" }, "----"],
  ["keys that are none of the string's", { ...KEYS, IABTCF_AddtlConsent: "1~7.12", other: {} }, "++++"],
  ["for a vendor: consent to it and its purposes", KEYS, "++++", { vendor: 7 }],
  ["for a vendor: another vendor", KEYS, "----", { vendor: 8 }],
  ["for a vendor: restricted to nothing", { IABTCF_gdprApplies: 1, IABTCF_TCString: tcString({ purposes: ALL, vendors: [7], restrictions: [[5, 0, [7]]] }) }, "-+++", { vendor: 7 }],
  ["for a vendor: restricted to consent", { IABTCF_gdprApplies: 1, IABTCF_TCString: tcString({ purposes: ALL, vendors: [7], restrictions: [[5, 1, [7]]] }), IABTCF_PublisherRestrictions5: "______1" }, "++++", { vendor: 7 }],
  ["for a vendor: restricted to interests", { IABTCF_gdprApplies: 1, IABTCF_TCString: tcString({ purposes: ALL, vendors: [7], restrictions: [[5, 2, [7]]] }) }, "-+++", { vendor: 7 }],
  ["for a vendor: a restriction that the string does not have", { ...KEYS, IABTCF_PublisherRestrictions5: "______1" }, "----", { vendor: 7 }],
  ["for a vendor: policy 5 and not disclosed", { IABTCF_gdprApplies: 1, IABTCF_TCString: tcString({ policy: 5, purposes: ALL, vendors: [7] }) }, "----", { vendor: 7 }],
  ["for a vendor: policy 5 and disclosed", { IABTCF_gdprApplies: 1, IABTCF_TCString: tcString({ policy: 5, purposes: ALL, vendors: [7], disclosed: [7] }) }, "++++", { vendor: 7 }],
  ["for a vendor: policy 5 and others disclosed", { IABTCF_gdprApplies: 1, IABTCF_TCString: tcString({ policy: 5, purposes: ALL, vendors: [7], disclosed: [8] }) }, "----", { vendor: 7 }],

  ["GPP: nobody opted out, which is no consent", { IABTCF_gdprApplies: 0, ...us() }, "????"],
  ["GPP: nobody opted out, and the page has its say", { IABTCF_gdprApplies: 0, ...us() }, "++++", {}, granted],
  ["GPP: opted out", { IABTCF_gdprApplies: 0, ...us("out") }, "-++-", {}, granted],
  ["GPP: opted out where TCF grants", { ...KEYS, ...us("out") }, "-++-"],
  ["GPP: only the section's own key", { IABTCF_gdprApplies: 0, IABGPP_7_String: "BVVVAAAAAgA.QA", IABGPP_GppSID: "7" }, "-++-", {}, granted],
  ["GPP: the section's own key says otherwise", { IABTCF_gdprApplies: 0, ...us(), IABGPP_7_String: "BVVVAAAAAgA.QA" }, "----", {}, granted],
  ["GPP: the section's own key says the same", { IABTCF_gdprApplies: 0, ...us(), IABGPP_usnat_String: "BVQqAAAAAgA.QA" }, "++++", {}, granted],
  ["GPP: damaged", { IABTCF_gdprApplies: 0, ...us(), IABGPP_HDR_GppString: "DBABLA~BVQ" }, "----", {}, granted],
  ["GPP: missing, with a section in force", { IABTCF_gdprApplies: 0, IABGPP_GppSID: "7" }, "----", {}, granted],
  ["GPP: a section in force that the string does not have", { IABTCF_gdprApplies: 0, ...us(), IABGPP_GppSID: "7_8" }, "----", {}, granted],
  ["GPP: none in force", { IABTCF_gdprApplies: 0, IABGPP_GppSID: "-1" }, "++++", {}, granted],
  ["GPP: in force is no number", { IABTCF_gdprApplies: 0, ...us(), IABGPP_GppSID: "usnat" }, "----", {}, granted],
  ["GPP: a version of a section that nobody knows", { IABTCF_gdprApplies: 0, ...us(), IABGPP_HDR_GppString: "DBABLA~DVQqAAAAAgA.QA" }, "----", {}, granted],
  ["GPP: TCF by another way", { IABTCF_gdprApplies: 0, IABGPP_HDR_GppString: `DBABMA~${string}`, IABGPP_GppSID: "2" }, "++++"],
  ["GPP: TCF by another way, and refused", { IABTCF_gdprApplies: 0, IABGPP_HDR_GppString: `DBABMA~${tcString({ publisher: [1] })}`, IABGPP_GppSID: 2 }, "-+--", {}, granted],
];

const following = (keys, options, run) =>
  inPage({}, async ({ follow }) => {
    const client = fakeClient();
    const managers = nativeSignals(keys);
    await run({ client, managers, followed: follow(client, { managers, ...options }) });
  });

for (const [what, keys, expected, options, own] of CASES) {
  test(`native: ${what}`, () =>
    following(keys, options, async ({ client, followed }) => {
      if (own) await client.consent.set(own);
      assert.equal(signs(followed.decisions), expected);
      assert.equal(client.gates(), expected);
    }));
}

test("native: an update is heard at once, and a withdrawal in the app reaches the client", () =>
  following({}, {}, async ({ client, managers, followed }) => {
    assert.equal(client.gates(), "????");
    managers.update(KEYS);
    assert.equal(client.gates(), "++++");
    managers.update({ ...KEYS, IABTCF_TCString: tcString({ publisher: [] }) });
    assert.equal(client.gates(), "----");
    managers.update({ IABTCF_gdprApplies: 1, IABTCF_TCString: tcString({ publisher: ALL }) });
    assert.equal(client.gates(), "++++");
    followed.stop();
    managers.update({});
    assert.equal(client.gates(), "++++");
  }));

test("native: the page's own managers are not asked, and Global Privacy Control is", () =>
  inPage({ gpc: true, tcf: () => assert.fail("asked") }, ({ follow }) => {
    const client = fakeClient();
    follow(client, { managers: nativeSignals(KEYS) });
    assert.equal(client.gates(), "+++-");
  }));

test("native: no damage to a string beside the keys of the whole one grants what the whole one did not", () =>
  following({}, {}, ({ client, managers }) => {
    const whole = tcString({ purposes: [1, 5], vendors: [7], publisher: [1, 5] });
    const beside = { ...KEYS, IABTCF_PurposeConsents: "10001", IABTCF_PublisherConsent: "10001" };
    managers.update({ ...beside, IABTCF_TCString: whole });
    assert.equal(client.gates(), "++--");
    const random = generator(7);
    const seen = new Set();
    for (let round = 0; round < 4000; round += 1) {
      managers.update({ ...beside, IABTCF_TCString: damaged(whole, random) });
      seen.add(client.gates());
    }
    assert.deepEqual([...seen].sort(), ["++--", "----"]);
  }));

// ---- the entries as they ship ---------------------------------------------------------------

test("each entry is at most 4 KB compressed, and neither is loaded by a page that does not import it", () => {
  for (const file of ["consent-strings.js", "consent-native.js"]) {
    const { length } = gzipSync(readFileSync(join(installed.dist, file)), { level: 9 });
    assert.ok(length <= 4096, `${file}: ${length} bytes`);
  }
  for (const file of ["index.js", "consent.js", "consent-strings.js"]) assert.doesNotMatch(readFileSync(join(installed.dist, file), "utf8"), /IABTCF|IABGPP/, file);
  assert.equal(typeof followConsent, "function");
});

test("the committed reports of their API are the ones that ship", () => {
  for (const entry of ["consent-strings", "consent-native"]) {
    const committed = readFileSync(new URL(`../../pkg-template/api/${entry}.d.ts`, import.meta.url), "utf8");
    assert.equal(readFileSync(join(installed.dist, `${entry}.d.ts`), "utf8"), committed);
  }
});
