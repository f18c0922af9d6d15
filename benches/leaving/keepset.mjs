// Keepset with the retail pack: the same events over the four weeks of one window of its plan, so that all that is due leaves. With labels, once more, for a pack that asks for them.
import { readFileSync } from "node:fs";

import { KEYS } from "../../tests/package/support/hpke.mjs";

const DAY = 86_400_000;
const WINDOW = 28 * DAY;
/** The beginning of a window of the retail plan, which starts on 2017-01-01. */
const FIRST = Date.parse("2017-01-01") + Math.ceil((Date.parse("2026-01-01") - Date.parse("2017-01-01")) / WINDOW) * WINDOW;

const LABELS = { id: "offers", owner: "Customer team of the shop", purpose: "To send you offers that fit.", text_version: 1, every_days: 7, segments: [{ id: "regular", reason: "Regular customers get other offers." }] };

/** The retail pack with keys of a collector, and with labels if those are asked for. */
export const pack = (labels) => ({ ...JSON.parse(readFileSync(new URL("../../packs/retail/pack.json", import.meta.url), "utf8")), collector: { keys: KEYS }, ...(labels ? { labels: LABELS } : {}) });

/** The page's code: `tell(events)` plays them over one window, and resolves when the window has ended. */
export const start = (url) => `
  import { init } from "/keepset/index.js";
  let now = ${FIRST};
  const listeners = new Set();
  const keepset = init({ pack: "/pack.json", collector: ${JSON.stringify(url)}, clock: { now: () => now, onJump: (f) => (listeners.add(f), () => listeners.delete(f)) } });
  keepset.on("error", ({ code, message }) => { throw new Error(code + ": " + message); });
  const skip = async (ms) => { now += ms; listeners.forEach((f) => f()); await keepset.flush(); };
  globalThis.tell = async (events) => {
    await keepset.consent.set({ segmentation: "granted", storage: "granted", reporting: "granted", sharing: "granted" });
    // The window in which a device begins is left unanswered.
    for (let day = 1; day < 28; day += 1) await skip(${DAY});
    const before = (await keepset.ledger.list()).length;
    await skip(${DAY});
    for (let n = 0; n < events.length; n += 1) {
      keepset.track(...events[n]);
      // To the last hour of the window.
      if (n % 8 === 7) await skip(${8 * (WINDOW - DAY / 24)} / events.length);
    }
    const { accepted } = (await keepset.exportData()).intake;
    return { accepted, before };
  };`;
