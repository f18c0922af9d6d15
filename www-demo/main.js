/** Starts the page: the pack, the clock, the client, and the panels that show what they do. */

import { init, isKeepsetError } from "./pkg/index.js";
import { DemoClock } from "./clock.js";
import { chat } from "./chat.js";
import { consent } from "./consent.js";
import { doors } from "./doors.js";
import { at, h } from "./dom.js";
import { ledger } from "./ledger.js";
import { bytesStored, onRequest, requestsMade } from "./measure.js";
import { numbers } from "./numbers.js";
import { path } from "./path.js";
import { segments } from "./segments.js";
import { shop } from "./shop.js";
import { time } from "./time.js";
import { bytes } from "./words.js";

const clock = new DemoClock();
const client = init({
  pack: "pack.keepset",
  collector: location.origin,
  clock: { now: () => clock.now(), onJump: (listener) => clock.onJump(listener) },
});

/** The same pack before it was compiled: the titles, reasons and rules that the page shows. */
const pack = await (await fetch("pack.json")).json();

/** What every panel may ask and do. */
const app = {
  pack,
  client,
  clock,
  measured: { stored: 0, requests: 0 },
  left: { bytes: 0, reports: 0 },
  /** The last change of each segment, and what made it so. */
  reasons: new Map(),

  granted: (purpose) => client.consent.get()[purpose] === "granted",

  /** Passes an event on and says whether the device may take note of it. */
  tell(event, properties, options) {
    client.track(event, properties, options);
    if (!app.granted("segmentation")) return false;
    panels.path.saw(event);
    // Numbers move also where no segment does.
    refresh();
    return true;
  },

  /** Takes a choice; what it forbids is gone when this resolves. */
  async choose(choice) {
    await client.consent.set(choice);
    clock.remember(app.granted("storage"));
    await refresh();
  },

  skip: (days) => clock.skip(days),

  /** Deletes everything on this device and goes back to the real date. */
  async forget() {
    // The clock first: whatever starts afresh starts at the real time.
    clock.reset();
    await client.deleteAll();
    app.reasons.clear();
    await refresh();
  },

  say: (sentence) => news(sentence),
  refresh: () => refresh(),
};

const panels = {
  consent: consent(app),
  shop: shop(app),
  segments: segments(app),
  numbers: numbers(app),
  time: time(app),
  ledger: ledger(app),
  path: path(app),
};

/** Says one sentence in the corner, also to screen readers, and takes it away again. */
function news(sentence) {
  const line = h("p", {}, sentence);
  at("news").append(line);
  while (at("news").children.length > 3) at("news").firstChild.remove();
  setTimeout(() => line.remove(), 5_000);
}

let running;
let again = false;
/** Measures and draws everything again; calls that come while it works are answered by one more round. */
function refresh() {
  again = true;
  running ??= (async () => {
    while (again) {
      again = false;
      await panels.ledger.read();
      await panels.numbers.read();
      app.measured = { stored: await bytesStored(), requests: requestsMade() };
      for (const panel of Object.values(panels)) panel.render();
      at("meter-stored").textContent = bytes(app.measured.stored);
      at("meter-requests").textContent = String(app.measured.requests);
      at("meter-left").textContent = bytes(app.left.bytes);
    }
    running = undefined;
  })();
  return running;
}

const title = (id) => pack.segments.find((segment) => segment.id === id)?.title ?? id;
client.on("change", ({ entered, left, reasons }) => {
  for (const reason of reasons) app.reasons.set(reason.segment, reason);
  if (entered.length > 0) news(`You are now in: ${entered.map(title).join(", ")}.`);
  if (left.length > 0) news(`You are no longer in: ${left.map(title).join(", ")}.`);
  refresh();
  panels.segments.mark([...entered, ...left]);
});
const LEFT = {
  report: "One noisy report left this device. It is in the ledger.",
  label: "The segments you share left this device. They are in the ledger.",
  erasure: "What you had shared was taken back, and the shop has erased it.",
};
client.on("report", ({ report, outcome }) => {
  if (outcome === "accepted") {
    at("trouble").hidden = true;
    news(LEFT[report.kind]);
  }
  refresh();
});
client.on("error", (error) => trouble(error));
client.subscribe(refresh);
client.consent.onChange(refresh);
onRequest(refresh);
clock.onJump(refresh);
setInterval(refresh, 20_000);

await client.ready;
if (client.error) trouble(client.error);
clock.remember(app.granted("storage"));
await refresh();
// After the choices of an earlier visit are in effect: what an address says is noted only with consent.
Object.assign(panels, { chat: chat(app), doors: doors(app) });
await refresh();
document.documentElement.dataset.ready = client.status;

/** Says what went wrong. The shop goes on either way. */
function trouble(error) {
  const box = at("trouble");
  box.hidden = false;
  box.textContent = isKeepsetError(error) ? `${error.message} (${error.code})` : "Something went wrong. The shop goes on.";
}
