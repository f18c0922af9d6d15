// Small packs, each as plain as its test allows.
import { KEYS } from "./hpke.mjs";

/** A day in milliseconds. */
export const DAY = 86_400_000;
/** Where the tests' clocks begin: the first day of a window. */
export const START = Date.parse("2026-01-01");

const event = { title: "t", properties: { value: { type: "number", min: 0, max: 1000 }, gift: { type: "flag" } } };
const comes = (feature, value) => ({ feature, op: ">=", value });

/** A shop's pack: a buyer bought once, a fan eleven times within four weeks; one answer a day at epsilon 2. */
export function shop(change = {}) {
  return {
    id: "shop",
    version: 1,
    title: "Shop",
    owner: "The shop",
    reason: "To test.",
    expires: "2031-01-01",
    events: { purchase: event, visit: { title: "t", properties: {} } },
    features: {
      orders: { kind: "count", event: "purchase", window_days: 28, title: "orders in 28 days" },
      ordered: { kind: "recency", event: "purchase", title: "days since the last order" },
    },
    segments: [
      { id: "buyer", title: "Buyer", reason: "because you bought", enter: comes("orders", 1) },
      { id: "fan", title: "Fan", reason: "because you come often", enter: comes("orders", 11) },
    ],
    plan: {
      id: "sizes",
      owner: "The shop",
      reason: "To learn the sizes of segments.",
      starts: "2025-01-01",
      expires: "2031-01-01",
      epoch_days: 1,
      window_epochs: 1,
      windows_per_year: 366,
      epsilon: 2,
      questions: [{ id: "sizes", reason: "Segment sizes.", segments: ["buyer", "fan"], cap: 1 }],
    },
    collector: { keys: KEYS },
    ...change,
  };
}

/** A shop that asks for one of its two segments, about once a day. */
export const sharing = (change = {}) =>
  shop({
    labels: {
      id: "offers",
      owner: "The shop",
      purpose: "To send you offers that fit.",
      text_version: 3,
      every_days: 1,
      segments: [{ id: "buyer", reason: "Buyers get other offers." }],
    },
    ...change,
  });

/** A clock driven by hand. */
export function handClock(now = START) {
  const listeners = new Set();
  return {
    now: () => now,
    onJump: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    skip(ms) {
      now += ms;
      listeners.forEach((listener) => listener());
    },
  };
}

/** A store that lasts as long as whoever holds its values: what a host application would hand in. */
export function shelf(values = new Map()) {
  return {
    get: async (key) => values.get(key)?.slice(),
    set: async (key, value) => void values.set(key, value.slice()),
    delete: async (key) => void values.delete(key),
  };
}

/** Every purpose granted. */
export const ALL = Object.freeze({ segmentation: "granted", storage: "granted", reporting: "granted", sharing: "granted" });
