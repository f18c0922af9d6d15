// W3: 100 conditions on how often something happened in the last days, over 1,000 past events.
import { both } from "../keepset.mjs";
import { at_least, DAY, list, pack } from "../packs.mjs";
import { adobeHistory } from "../peers/adobe-history.mjs";
import { dice, endless } from "../random.mjs";

const NAMES = 20;
const PAST = 1_000;
const WINDOWS = [2, 7, 14, 28];
const draw = dice(37);
// Adobe's registry reads the clock of the machine, so this workload lives now.
const NOW = Date.now();

/** An age at which every window agrees: none of Keepset's windows, which may end a 32nd early, ends near it. */
function age() {
  for (;;) {
    const days = draw(29_000) / 1_000;
    if (days > 0.1 && WINDOWS.every((window) => days < window * (31 / 32) - 0.1 || days > window + 0.1)) return Math.round(days * DAY);
  }
}

const before = list(PAST, () => ({ name: `e${draw(NAMES)}`, properties: {}, at: NOW - age() })).sort((a, b) => a.at - b.at);
const event = endless(() => ({ name: `e${draw(NAMES)}`, properties: {} }));
const conditions = list(100, (n) => {
  const days = WINDOWS[Math.floor(n / NAMES) % WINDOWS.length];
  return { id: `c${n}`, event: `e${n % NAMES}`, days, least: Math.ceil((PAST / NAMES) * (days / 29)) + draw(12) };
});

/** The conditions that hold after the n-th event, counted from the list of events. */
function truth(n) {
  const recent = list(n + 1, (k) => ({ name: event(k).name, at: NOW }));
  const all = [...before, ...recent];
  return conditions.flatMap(({ id, event, days, least }) => (all.filter(({ name, at }) => name === event && at >= NOW - days * DAY).length >= least ? [id] : []));
}

const counts = pack({
  events: list(NAMES, (n) => [`e${n}`, {}]),
  features: conditions.map(({ id, event, days }) => [`f_${id}`, { kind: "count", event, window_days: days, title: "t" }]),
  segments: conditions.map(({ id, least }) => [id, at_least(`f_${id}`, least)]),
});

export default {
  id: "W3",
  title: "100 conditions on counts in windows, after 1,000 events",
  rounds: 5,
  ready: event,
  warm: 60,
  samples: 200,
  notes: [
    "Adobe's engine goes through the stored times of an event for every condition and keeps each time; as the Web SDK uses it, the registry is also written whole at every event. The windows are fixed when the rules are loaded and do not move with the clock.",
    "Keepset keeps counts in 32 parts of each window and no times; its windows move.",
  ],
  subjects: () => [
    ...both({ pack: counts, event, truth, before, at: (n) => NOW + n }),
    ...adobeHistory({ conditions, before, event, now: NOW, truth }),
  ],
};
