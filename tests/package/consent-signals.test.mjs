// What each consent signal means for the four gates, told as a table: the state of the signals, and the gates that follow.
import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeClient, gppData, gtag, inPage, manager, signs, tcData, tcfeuv2, usnat } from "./support/consent.mjs";

const ALL = [1, 4, 5, 8, 9];
const boom = () => { throw new Error("a lie"); };
const trap = new Proxy({}, { get: boom, has: boom, ownKeys: boom, getOwnPropertyDescriptor: boom });
const granted = Object.fromEntries(["segmentation", "storage", "reporting", "sharing"].map((gate) => [gate, "granted"]));
const layer = (...commands) => {
  const list = [];
  for (const command of commands) gtag(list, ...command);
  return list;
};
const GCM_ALL = Object.fromEntries(["analytics_storage", "functionality_storage", "personalization_storage", "ad_user_data", "ad_personalization"].map((type) => [type, "granted"]));
const GCM_NONE = Object.fromEntries(Object.keys(GCM_ALL).map((type) => [type, "denied"]));
const tcf = (...said) => ({ tcf: manager(2, ...said).api });
const gpp = (...said) => ({ gpp: manager(undefined, ...said).api });

/** `[what is so, the page, the gates: segmentation, storage, reporting, sharing, options, what the page itself chose]` */
const CASES = [
  ["no signal at all decides nothing", {}, "????"],
  ["no signal at all leaves the page its say", {}, "++++", {}, granted],
  ["a signal that is named and not there is awaited", {}, "????", { signals: ["tcf"] }, granted],
  ["a signal nobody knows is awaited for ever", {}, "????", { signals: ["dnt"] }, granted],

  ["TCF: consent to every purpose, for the publisher", tcf(tcData({ publisher: ALL }), true), "++++"],
  ["TCF: an answer given just now is one", tcf(tcData({ publisher: ALL, eventStatus: "useractioncomplete" }), true), "++++"],
  ["TCF: gdprApplies unknown is as if it did", tcf(tcData({ publisher: ALL, gdprApplies: undefined }), true), "++++"],
  ["TCF: gdprApplies of the wrong type is as if it did", tcf(tcData({ publisher: [], gdprApplies: "false" }), true), "----"],
  ["TCF: where GDPR does not apply TCF says nothing", tcf({ gdprApplies: false, tcfPolicyVersion: 4 }, true), "????"],
  ["TCF: where GDPR does not apply the page has its say", tcf({ gdprApplies: false }, true), "++++", {}, granted],
  ["TCF: no consent to any purpose", tcf(tcData(), true), "----", {}, granted],
  ["TCF: purpose 1 is storage", tcf(tcData({ publisher: [1] }), true), "-+--"],
  ["TCF: purpose 4 is sharing", tcf(tcData({ publisher: [4] }), true), "---+"],
  ["TCF: purpose 5 is segmentation", tcf(tcData({ publisher: [5] }), true), "+---"],
  ["TCF: purpose 8 is enough for reporting", tcf(tcData({ publisher: [8] }), true), "--+-"],
  ["TCF: purpose 9 is enough for reporting", tcf(tcData({ publisher: [9] }), true), "--+-"],
  ["TCF: for ads, segmentation needs 3 and 5", tcf(tcData({ publisher: [5] }), true), "----", { mapping: { tcf: { segmentation: [3, 5] } } }],
  ["TCF: for ads, 3 and 5 are enough", tcf(tcData({ publisher: [3, 5] }), true), "+---", { mapping: { tcf: { segmentation: [3, 5] } } }],
  ["TCF: a gate with an empty list is left out", tcf(tcData({ publisher: [1] }), true), "-+-?", { mapping: { tcf: { sharing: [] } } }],
  ["TCF: the vendors' purposes are not the publisher's", tcf(tcData({ purposes: ALL, vendors: [7] }), true), "----"],
  ["TCF: a legitimate interest is no consent", tcf(tcData({ publisherInterests: ALL }), true), "----"],
  ["TCF: a legitimate interest counts where the mapping says so", tcf(tcData({ publisherInterests: ALL }), true), "--+-", { mapping: { tcf: { reporting: [[8, "li8"]] } } }],
  ["TCF: no mapping makes an interest of what needs consent", tcf(tcData({ publisherInterests: ALL }), true), "----", { mapping: { tcf: { storage: ["li1"], segmentation: ["li5"], sharing: ["li4"] } } }],
  ["TCF: the question is on the screen", tcf(tcData({ publisher: ALL, eventStatus: "cmpuishown" }), true), "????", {}, granted],
  ["TCF: a stub that only keeps calls", { tcf: manager(2).api }, "????", {}, granted],
  ["TCF: a stub that has no event yet", tcf({ cmpStatus: "stub" }, true), "????"],
  ["TCF: an event of another name is no answer", tcf(tcData({ publisher: ALL, eventStatus: "cmpuiclosed" }), true), "????"],
  ["TCF: success is false", tcf(tcData({ publisher: ALL }), false), "----", {}, granted],
  ["TCF: success is only truthy", tcf(tcData({ publisher: ALL }), 1), "----"],
  ["TCF: null", tcf(null, true), "----"],
  ["TCF: a number", tcf(7, true), "----"],
  ["TCF: an empty object that says it is loaded", tcf({ eventStatus: "tcloaded" }, true), "----"],
  ["TCF: consents as a string of bits", tcf({ ...tcData(), publisher: { consents: "01111111111", legitimateInterests: "" } }, true), "----"],
  ["TCF: consents of 1 instead of true", tcf({ ...tcData(), publisher: { consents: { 1: 1, 4: 1, 5: 1, 8: "true" } } }, true), "----"],
  ["TCF: an event status of the wrong type", tcf(tcData({ publisher: ALL, eventStatus: 7 }), true), "----"],
  ["TCF: the manager is in error", tcf(tcData({ publisher: ALL, cmpStatus: "error" }), true), "----"],
  ["TCF: a string of global scope is invalid", tcf(tcData({ publisher: ALL, isServiceSpecific: false }), true), "----"],
  ["TCF: getters that throw", tcf(trap, true), "----"],
  ["TCF: consents that throw", tcf({ ...tcData(), publisher: trap }, true), "----"],
  ["TCF: the function throws", { tcf: boom }, "----"],
  ["TCF: not a function", { tcf: { call: 1 } }, "????"],
  ["TCF: a mapping that is none", tcf(tcData({ publisher: ALL }), true), "----", { mapping: { tcf: { storage: 5 } } }],

  ["vendor: consent to purposes and vendor", tcf(tcData({ purposes: ALL, vendors: [7] }), true), "++++", { vendor: 7 }],
  ["vendor: the publisher's own consents do not count", tcf(tcData({ publisher: ALL }), true), "----", { vendor: 7 }],
  ["vendor: consent to the purposes only", tcf(tcData({ purposes: ALL, vendors: [8] }), true), "----", { vendor: 7 }],
  ["vendor: consent to the vendor only", tcf(tcData({ vendors: [7] }), true), "----", { vendor: 7 }],
  ["vendor: a purpose the publisher forbids", tcf(tcData({ purposes: ALL, vendors: [7], restrictions: { 5: { 7: 0 } } }), true), "-+++", { vendor: 7 }],
  ["vendor: a purpose that requires consent, with consent", tcf(tcData({ purposes: ALL, vendors: [7], restrictions: { 5: { 7: 1 } } }), true), "++++", { vendor: 7 }],
  ["vendor: a purpose that requires legitimate interest", tcf(tcData({ purposes: ALL, vendors: [7], restrictions: { 8: { 7: 2 }, 9: { 7: 2 } } }), true), "++-+", { vendor: 7 }],
  ["vendor: a restriction of an unknown kind", tcf(tcData({ purposes: ALL, vendors: [7], restrictions: { 5: { 7: "1" } } }), true), "-+++", { vendor: 7 }],
  ["vendor: another vendor's restriction", tcf(tcData({ purposes: ALL, vendors: [7], restrictions: { 5: { 8: 0 } } }), true), "++++", { vendor: 7 }],
  ["vendor: an interest the mapping names", tcf(tcData({ purposeInterests: [8], vendorInterests: [7] }), true), "--+-", { vendor: 7, mapping: { tcf: { reporting: ["li8"] } } }],
  ["vendor: an interest where the publisher requires consent", tcf(tcData({ purposeInterests: [8], vendorInterests: [7], restrictions: { 8: { 7: 1 } } }), true), "----", { vendor: 7, mapping: { tcf: { reporting: ["li8"] } } }],
  ["vendor: disclosed, under 2.3", tcf(tcData({ purposes: ALL, vendors: [7], tcfPolicyVersion: 5, disclosed: [7] }), true), "++++", { vendor: 7 }],
  ["vendor: not disclosed, under 2.3", tcf(tcData({ purposes: ALL, vendors: [7], tcfPolicyVersion: 5, disclosed: [8] }), true), "----", { vendor: 7 }],
  ["vendor: nobody disclosed, under 2.3", tcf(tcData({ purposes: ALL, vendors: [7], tcfPolicyVersion: 5 }), true), "----", { vendor: 7 }],
  ["vendor: a policy of the wrong type", tcf(tcData({ purposes: ALL, vendors: [7], tcfPolicyVersion: "4" }), true), "----", { vendor: 7 }],
  ["vendor: disclosed by the specification's first name", tcf(tcData({ tcfPolicyVersion: 5, purposes: ALL, vendor: { consents: { 7: true }, legitimateInterests: {}, vendorsDisclosed: { 7: true } } }), true), "++++", { vendor: 7 }],
  ["vendor: an id that is none", tcf(tcData({ purposes: ALL, vendors: [7] }), true), "----", { vendor: Number.NaN }],

  ["GPP: nobody opted out, which grants nothing", gpp(gppData({ usnat: usnat() }), true), "????"],
  ["GPP: nobody opted out, so the page has its say", gpp(gppData({ usnat: usnat() }), true), "++++", {}, granted],
  ["GPP: out of sale", gpp(gppData({ usnat: usnat({ SaleOptOut: 1 }) }), true), "+++-", {}, granted],
  ["GPP: out of sharing", gpp(gppData({ usca: usnat({ SharingOptOut: 1 }) }), true), "+++-", {}, granted],
  ["GPP: out of targeted advertising", gpp(gppData({ usva: { SaleOptOut: 2, TargetedAdvertisingOptOut: 1 } }), true), "-++-", {}, granted],
  ["GPP: the browser's signal in a section", gpp(gppData({ usco: usnat({ Gpc: true }) }), true), "+++-", {}, granted],
  ["GPP: sections in parts", gpp(gppData({ usnat: [usnat({ Gpc: undefined }), { GpcSegmentType: 1, Gpc: true }] }), true), "+++-", {}, granted],
  ["GPP: out in one state of two", gpp(gppData({ usnat: usnat(), usnatv1: usnat({ SaleOptOut: 1 }) }), true), "+++-", {}, granted],
  ["GPP: out in a section not in force", gpp(gppData({ usnat: usnat({ SaleOptOut: 1 }) }, [-1]), true), "+++-", {}, granted],
  ["GPP: no section is in force", gpp(gppData({}, [-1]), true), "++++", {}, granted],
  ["GPP: a field that does not apply", gpp(gppData({ usnat: usnat({ SaleOptOut: 0 }) }), true), "++++", {}, granted],
  ["GPP: a field of the wrong type", gpp(gppData({ usnat: usnat({ SaleOptOut: "2" }) }), true), "+++-", {}, granted],
  ["GPP: a field beyond its range", gpp(gppData({ usnat: usnat({ TargetedAdvertisingOptOut: 3 }) }), true), "-++-", {}, granted],
  ["GPP: segmentation left out by the mapping", gpp(gppData({ usnat: usnat({ TargetedAdvertisingOptOut: 1 }) }), true), "+++-", { mapping: { gpp: { segmentation: [] } } }, granted],
  ["GPP: a stub that only keeps calls", { gpp: manager(undefined).api }, "????", {}, granted],
  ["GPP: not ready", gpp(gppData({ usnat: usnat() }, [7], { signalStatus: "not ready" }), true), "????", {}, granted],
  ["GPP: an older manager without a status", gpp(gppData({ usnat: usnat() }, [7], { signalStatus: undefined }), true), "????", {}, granted],
  ["GPP: a status of the wrong type", gpp(gppData({ usnat: usnat() }, [7], { signalStatus: true }), true), "----", {}, granted],
  ["GPP: the manager is in error", gpp(gppData({ usnat: usnat() }, [7], { cmpStatus: "error" }), true), "----", {}, granted],
  ["GPP: success is false", gpp(gppData({ usnat: usnat() }), false), "----", {}, granted],
  ["GPP: no ping data", gpp({ eventName: "listenerRegistered" }, true), "----", {}, granted],
  ["GPP: no sections", gpp(gppData(undefined), true), "----", {}, granted],
  ["GPP: a section in force that is not there", gpp(gppData({}, [7]), true), "----", {}, granted],
  ["GPP: a section in force that nobody knows", gpp(gppData({ tcfcav1: { PurposesExpressConsent: [true] } }, [5]), true), "----", {}, granted],
  ["GPP: an empty section", gpp(gppData({ usnat: {} }), true), "----", {}, granted],
  ["GPP: a section that is null", gpp(gppData({ usnat: null }), true), "----", {}, granted],
  ["GPP: a section that throws", gpp(gppData({ usnat: trap }), true), "----", {}, granted],
  ["GPP: the function throws", { gpp: boom }, "----", {}, granted],
  ["GPP: tcfeuv2 with consent", gpp(gppData({ tcfeuv2: tcfeuv2({ publisher: ALL }) }, [2]), true), "++++"],
  ["GPP: tcfeuv2 without consent", gpp(gppData({ tcfeuv2: tcfeuv2() }, [2]), true), "----", {}, granted],
  ["GPP: tcfeuv2 not in force", gpp(gppData({ tcfeuv2: tcfeuv2(), usnat: usnat() }, [7]), true), "++++", {}, granted],
  ["GPP: tcfeuv2, and nobody knows what is in force", gpp(gppData({ tcfeuv2: tcfeuv2(), usnat: usnat() }, undefined), true), "++++", { mapping: { tcf: { segmentation: [], storage: [], reporting: [], sharing: [] } } }, granted],
  ["GPP: tcfeuv2, and the list of what is in force is empty", gpp(gppData({ tcfeuv2: tcfeuv2() }, []), true), "----", {}, granted],
  ["GPP: tcfeuv2 and an opt-out", gpp(gppData({ tcfeuv2: tcfeuv2({ publisher: ALL }), usnat: usnat({ SaleOptOut: 1 }) }, [2, 7]), true), "+++-"],
  ["GPP: tcfeuv2 for a vendor", gpp(gppData({ tcfeuv2: tcfeuv2({ purposes: ALL, vendors: [7] }) }, [2]), true), "++++", { vendor: 7 }],
  ["GPP: tcfeuv2 with a restriction", gpp(gppData({ tcfeuv2: tcfeuv2({ purposes: ALL, vendors: [7], restrictions: [{ key: 5, type: 0, ids: [7] }] }) }, [2]), true), "-+++", { vendor: 7 }],
  ["GPP: tcfeuv2 with a restriction nobody can read", gpp(gppData({ tcfeuv2: tcfeuv2({ purposes: ALL, vendors: [7], restrictions: [{ purpose: 5 }] }) }, [2]), true), "----", { vendor: 7 }],
  ["GPP: tcfeuv2, the vendor not disclosed", gpp(gppData({ tcfeuv2: tcfeuv2({ purposes: ALL, vendors: [7], disclosed: [] }) }, [2]), true), "----", { vendor: 7 }],
  ["GPP: tcfeuv2, with Canada's section in force as well, which is not read", gpp(gppData({ tcfeuv2: tcfeuv2({ publisher: ALL }) }, [2, 5]), true), "----"],
  ["GPP: tcfeuv2 without the publisher's part", gpp(gppData({ tcfeuv2: tcfeuv2({ PublisherConsents: undefined }) }, [2]), true), "----"],

  ["GPC: on", { gpc: true }, "+++-", {}, granted],
  ["GPC: off", { gpc: false }, "++++", {}, granted],
  ["GPC: off grants nothing", { gpc: false }, "????"],
  ["GPC: the text 1", { gpc: "1" }, "+++-", {}, granted],
  ["GPC: of a wrong type", { gpc: 0 }, "+++-", {}, granted],
  ["GPC: a getter that throws", { gpc: boom }, "+++-", {}, granted],
  ["GPC: mapped to more gates", { gpc: true }, "-+--", { mapping: { gpc: ["sharing", "reporting", "segmentation"] } }, granted],
  ["GPC: not asked for", { gpc: true }, "++++", { signals: [] }, granted],
  ["GPC: against a TCF that grants all", { gpc: true, ...tcf(tcData({ publisher: ALL }), true) }, "+++-"],

  ["GCM: all granted", { layer: layer(["consent", "update", GCM_ALL]) }, "++++"],
  ["GCM: granted from the start", { layer: layer(["consent", "default", GCM_ALL]) }, "++++"],
  ["GCM: a refusal nobody made is a wait", { layer: layer(["consent", "default", GCM_NONE]) }, "????", {}, granted],
  ["GCM: a refusal", { layer: layer(["consent", "default", GCM_NONE], ["consent", "update", GCM_NONE]) }, "----", {}, granted],
  ["GCM: an answer outweighs what held before it", { layer: layer(["consent", "default", GCM_NONE], ["consent", "update", GCM_ALL], ["consent", "default", GCM_NONE]) }, "++++"],
  ["GCM: personalization is segmentation", { layer: layer(["consent", "update", { ...GCM_NONE, personalization_storage: "granted" }]) }, "+---"],
  ["GCM: analytics without functionality does not store", { layer: layer(["consent", "update", { ...GCM_NONE, analytics_storage: "granted" }]) }, "--+-"],
  ["GCM: functionality without analytics does not store", { layer: layer(["consent", "update", { ...GCM_NONE, functionality_storage: "granted" }]) }, "----"],
  ["GCM: a type nobody stated says nothing", { layer: layer(["consent", "update", { analytics_storage: "granted" }]) }, "?++?"],
  ["GCM: sharing needs both", { layer: layer(["consent", "update", { ...GCM_ALL, ad_personalization: "denied" }]) }, "+++-"],
  ["GCM: a yes for a region is none", { layer: layer(["consent", "default", { ...GCM_ALL, region: ["US"] }]) }, "????"],
  ["GCM: a no for a region is a wait", { layer: layer(["consent", "default", GCM_ALL], ["consent", "default", { ...GCM_NONE, region: ["ES"] }]) }, "????"],
  ["GCM: a value of the wrong type", { layer: layer(["consent", "update", { ...GCM_ALL, analytics_storage: true }]) }, "+--+"],
  ["GCM: a default of the wrong type", { layer: layer(["consent", "default", { ...GCM_ALL, analytics_storage: 1 }]) }, "+--+"],
  ["GCM: a command without types", { layer: layer(["consent", "update"]) }, "----", {}, granted],
  ["GCM: a command with a text", { layer: layer(["consent", "update", "granted"]) }, "----", {}, granted],
  ["GCM: types that throw", { layer: layer(["consent", "update", trap]) }, "----", {}, granted],
  ["GCM: a data layer without consent", { layer: layer(["js", new Date()], ["config", "G-1"]) }, "++++", {}, granted],
  ["GCM: named, and a data layer without consent", { layer: layer(["js", new Date()]) }, "????", { signals: ["gcm"] }, granted],
  ["GCM: strange items", { layer: [null, 1, "consent", undefined, () => 1, { length: 1e9 }, { event: "x" }] }, "++++", {}, granted],
  ["GCM: no list", { layer: { push: boom } }, "++++", {}, granted],

  ["TCF grants and GCM denies", { ...tcf(tcData({ publisher: ALL }), true), layer: layer(["consent", "update", GCM_NONE]) }, "----"],
  ["TCF grants and GPP waits", { ...tcf(tcData({ publisher: ALL }), true), ...gpp(gppData({}, [0], { signalStatus: "not ready" }), true) }, "????"],
  ["TCF denies and GPP waits", { ...tcf(tcData(), true), ...gpp(gppData({}, [0], { signalStatus: "not ready" }), true) }, "----"],
  ["TCF grants and the page denies", tcf(tcData({ publisher: ALL }), true), "+-++", {}, { storage: "denied" }],
  ["the page grants and TCF denies", tcf(tcData({ publisher: [1] }), true), "-+--", {}, granted],
];

for (const [what, page, expected, options, own] of CASES) {
  test(what, () =>
    inPage(page, async ({ follow }) => {
      const client = fakeClient();
      const followed = follow(client, options);
      if (own) await client.consent.set(own);
      assert.equal(signs(followed.decisions), expected);
      assert.equal(client.gates(), expected);
    }));
}
