// Fakes of everything consent is read from and told to: a page's globals, its consent managers, and a client that only keeps choices.
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { install } from "./installed.mjs";

export const installed = install();
export const { followConsent } = await import(pathToFileURL(join(installed.dist, "consent.js")).href);

export const GATES = ["segmentation", "storage", "reporting", "sharing"];
const SIGNS = { granted: "+", denied: "-", pending: "?" };
/** Choices by one sign a gate, in the order above: `+` granted, `-` denied, `?` pending. */
export const signs = (choices) => GATES.map((gate) => SIGNS[choices[gate]?.choice ?? choices[gate]]).join("");

/** A client that keeps choices and nothing else; `state` is what it kept of an earlier visit. */
export function fakeClient(state = {}) {
  const listeners = new Set();
  const tell = () => listeners.forEach((listener) => listener());
  const listen = (listener) => (listeners.add(listener), () => listeners.delete(listener));
  const client = {
    status: "ready",
    sets: [],
    listeners,
    /** The engine tells of choices, as after one that another tab made. */
    elsewhere: (choice) => (Object.assign(state, choice), tell()),
    become: (status) => ((client.status = status), tell()),
    consent: {
      get: () => ({ ...Object.fromEntries(GATES.map((gate) => [gate, "pending"])), ...state }),
      set: async (choice) => {
        client.sets.push(choice);
        // As the client does: a choice that is none changes nothing.
        if (!Object.entries(choice ?? {}).every(([gate, value]) => GATES.includes(gate) && /^(granted|denied)$/.test(value))) return;
        Object.assign(state, choice);
        tell();
      },
      onChange: listen,
    },
    subscribe: listen,
    pause: () => client.status === "ready" && client.become("paused"),
    resume: () => client.status === "paused" && client.become("ready"),
    /** What is in force: a grant while the client is paused is none. */
    gates: () => signs(Object.fromEntries(Object.entries(client.consent.get()).map(([gate, choice]) => [gate, client.status === "paused" && choice === "granted" ? "pending" : choice]))),
  };
  return client;
}

/** A consent manager's function: `say` tells all listeners, a new one hears the last words at once. */
export function manager(version, ...first) {
  const listeners = new Map();
  let last = first;
  let next = 1;
  const tell = (id, [value, success]) => {
    try {
      if (Object(value) === value) Object.defineProperty(value, "listenerId", { value: id, configurable: true });
    } catch {
      // What throws has no id.
    }
    listeners.get(id)?.(value, success);
  };
  const api = (command, ...rest) => {
    const [callback, parameter] = version ? rest.slice(1) : rest;
    if (version && rest[0] !== version) throw new Error("wrong version");
    if (command === "removeEventListener") return void callback(listeners.delete(parameter));
    const id = next++;
    listeners.set(id, callback);
    if (last.length > 0) tell(id, last);
  };
  return { api, listeners, say: (...words) => ((last = words), [...listeners.keys()].forEach((id) => tell(id, words))) };
}

/** Everything that can be in a page, put into this process for the time of `run`. */
export async function inPage({ tcf, gpp, gpc, layer, globals = {} } = {}, run) {
  const target = new EventTarget();
  const page = {
    document: new EventTarget(),
    addEventListener: target.addEventListener.bind(target),
    navigator: Object.create(null, { globalPrivacyControl: typeof gpc === "function" ? { get: gpc } : { value: gpc, writable: true } }),
    ...(tcf ? { __tcfapi: tcf } : {}),
    ...(gpp ? { __gpp: gpp } : {}),
    ...(layer ? { dataLayer: layer } : {}),
    ...globals,
  };
  const before = Object.fromEntries([...Object.keys(page), "__tcfapi", "__gpp", "dataLayer", "parent", "frames"].map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]));
  for (const [name, value] of Object.entries(page)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  const followed = [];
  const follow = (client, options) => (followed.push(followConsent(client, options)), followed.at(-1));
  try {
    return await run({ follow, window: target, document: page.document, navigator: page.navigator });
  } finally {
    for (const { stop } of followed) stop();
    for (const [name, was] of Object.entries(before)) {
      delete globalThis[name];
      if (was) Object.defineProperty(globalThis, name, was);
    }
  }
}

const flags = (list) => Object.fromEntries(list.map((id) => [id, true]));
const bases = (consents = [], interests = []) => ({ consents: flags(consents), legitimateInterests: flags(interests) });

/** TCData of a person who was asked. */
export function tcData({ publisher = [], publisherInterests = [], purposes = [], purposeInterests = [], vendors = [], vendorInterests = [], restrictions = {}, disclosed, ...rest } = {}) {
  return {
    gdprApplies: true,
    eventStatus: "tcloaded",
    cmpStatus: "loaded",
    tcfPolicyVersion: 4,
    isServiceSpecific: true,
    purpose: bases(purposes, purposeInterests),
    vendor: { ...bases(vendors, vendorInterests), ...(disclosed ? { disclosedVendors: flags(disclosed) } : {}) },
    publisher: { ...bases(publisher, publisherInterests), restrictions },
    ...rest,
  };
}

/** What GPP tells its listeners. */
export const gppData = (parsedSections, applicableSections = [7], rest = {}) => ({ eventName: "signalStatus", data: "ready", pingData: { gppVersion: "1.1", cmpStatus: "loaded", signalStatus: "ready", applicableSections, parsedSections, ...rest } });
/** A section of a US state in which nobody opted out of anything. */
export const usnat = (change = {}) => ({ Version: 1, SaleOptOut: 2, SharingOptOut: 2, TargetedAdvertisingOptOut: 2, Gpc: false, ...change });
/** The section `tcfeuv2` as the IAB's own library parses it. */
export const tcfeuv2 = (change = {}) => {
  const bits = (ids = []) => Array.from({ length: 24 }, (_, at) => ids.includes(at + 1));
  const { publisher, publisherInterests, purposes, purposeInterests, vendors = [], vendorInterests = [], restrictions = [], disclosed, ...rest } = change;
  return {
    PolicyVersion: 4,
    IsServiceSpecific: true,
    PurposeConsents: bits(purposes),
    PurposeLegitimateInterests: bits(purposeInterests),
    VendorConsents: vendors,
    VendorLegitimateInterests: vendorInterests,
    PublisherConsents: bits(publisher),
    PublisherLegitimateInterests: bits(publisherInterests),
    PublisherRestrictions: restrictions,
    ...(disclosed ? { VendorsDisclosed: disclosed } : {}),
    ...rest,
  };
};
/** Pushes a command as Google's `gtag` does: the arguments themselves. */
export function gtag(layer, ...command) {
  layer.push((function () { return arguments; })(...command)); // eslint-disable-line prefer-rest-params
}
