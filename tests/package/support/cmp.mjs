// A shop with a consent manager, in Chromium, in which every use of whatever could keep or tell something is written down.
import { shop } from "./packs.mjs";
import { code, files, HTML, visit } from "./visit.mjs";

/** The purposes that grant every gate. */
export const ALL = [1, 4, 5, 8, 9];
/** The page's code that follows its signals. */
export const follow = (options) => `import { followConsent } from "/keepset/consent.js"; globalThis.heardDecisions = []; globalThis.followed = followConsent(keepset, { ...${JSON.stringify(options)}, onDecision: (decisions) => heardDecisions.push(decisions) });`;

/** A consent manager that shows its question, then says what a test makes it say; frames reach it by messages. */
export const CMP = `{
  const listeners = new Map();
  let next = 1;
  let data = { eventStatus: "cmpuishown" };
  let manner = "answers";
  const flags = (list) => Object.fromEntries(list.map((id) => [id, true]));
  const tell = (id) => listeners.get(id)(data.gdprApplies === false ? { ...data, listenerId: id } : { gdprApplies: true, cmpStatus: "loaded", tcfPolicyVersion: 5, isServiceSpecific: true, listenerId: id, ...data }, true);
  globalThis.__tcfapi = (command, version, callback, parameter) => {
    if (command === "removeEventListener") return callback(listeners.delete(parameter));
    if (manner === "throws") throw new Error("no");
    if (manner === "fails") return callback(null, false);
    listeners.set(next, callback);
    if (manner === "answers") tell(next++);
  };
  // How it stands and how it answers from now on, without a word to those who listen.
  globalThis.cmpQuietly = (eventStatus, purposes) => { data = { eventStatus, publisher: { consents: flags(purposes), legitimateInterests: {}, restrictions: {} } }; };
  globalThis.cmpManner = (given) => { manner = given; };
  globalThis.cmpListeners = () => listeners.size;
  globalThis.cmp = (eventStatus, purposes) => {
    data = { eventStatus, publisher: { consents: flags(purposes), legitimateInterests: {}, restrictions: {} } };
    [...listeners.keys()].forEach(tell);
  };
  globalThis.cmpSilent = () => { data = { gdprApplies: false }; [...listeners.keys()].forEach(tell); };
  const remembered = new URL(location).searchParams.get("remembered");
  if (remembered) setTimeout(() => cmp("tcloaded", remembered.split(",").map(Number)), 300);
  addEventListener("message", ({ data, source }) => {
    const call = data?.__tcfapiCall;
    if (call) __tcfapi(call.command, call.version, (returnValue, success) => source.postMessage({ __tcfapiReturn: { returnValue, success, callId: call.callId } }, "*"), call.parameter);
  });
}`;
/** The frame by which a manager is found from within others. */
export const LOCATOR = `{ const frame = document.createElement("iframe"); frame.name = "__tcfapiLocator"; frame.hidden = true; document.body.append(frame); }`;

/** Writes down every use of everything that could keep or tell something. */
function watch() {
  globalThis.uses = [];
  const note = (owner, name, what = name) => {
    const real = owner?.[name];
    if (real) owner[name] = function (...given) { uses.push([what, JSON.stringify(given)]); return real.apply(this, given); };
  };
  note(IDBObjectStore.prototype, "put", "record");
  note(Storage.prototype, "setItem", "storage");
  note(globalThis.CacheStorage?.prototype, "open", "cache");
  note(BroadcastChannel.prototype, "postMessage", "channel");
  note(globalThis.CookieStore?.prototype, "set", "cookie");
  note(globalThis.FileSystemDirectoryHandle?.prototype, "getFileHandle", "files");
  note(globalThis.ServiceWorkerContainer?.prototype, "register", "worker");
  note(globalThis.SharedStorage?.prototype, "set", "storage");
  note(navigator, "sendBeacon", "beacon");
  note(XMLHttpRequest.prototype, "open", "xhr");
  note(globalThis, "fetch", "fetch");
  const cookie = Object.getOwnPropertyDescriptor(Document.prototype, "cookie");
  Object.defineProperty(Document.prototype, "cookie", { ...cookie, set(value) { uses.push(["cookie", value]); cookie.set.call(this, value); } });
}

/** A shop whose manager comes before the client, or half a second after it; without `follows` the page follows no signals. */
export async function shopWith({ cmp, options, follows = {}, setup, pack = shop() }) {
  const html = cmp === "before" ? `<!doctype html><script src="/cmp.js"></script>${HTML}` : HTML;
  const late = cmp === "after" ? 'setTimeout(() => { const script = document.createElement("script"); script.src = "/cmp.js"; document.head.append(script); }, 500);' : "";
  const shopVisit = await visit({ files: { ...files(options), "/": html, "/cmp.js": CMP, "/pack.json": JSON.stringify(pack), "/page.js": `${code(options)}${follows ? follow(follows) : ""}${late}` } });
  await shopVisit.context.addInitScript(watch);
  if (setup) await shopVisit.context.addInitScript(setup);
  return shopVisit;
}
/** Waits for the manager to be found. */
export const cmpIsThere = (page) => page.waitForFunction(() => globalThis.cmp && followed.decisions.storage.by.includes("tcf"));
/** The client's gates. */
export const gates = (page) => page.evaluate(() => keepset.consent.get());
/** What was used of some kinds. */
export const uses = (page, ...kinds) => page.evaluate((kinds) => uses.filter(([kind]) => kinds.includes(kind)), kinds);
