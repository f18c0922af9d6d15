/** How the page writes dates, amounts and reasons. Everything in UTC, the calendar of the plan. */

const DAY = 86_400_000;
const date = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
const short = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });
const number = new Intl.NumberFormat("en-US", { maximumFractionDigits: 2 });

/** "Saturday 21 November 2026" */
export const longDate = (time) => date.format(time);
/** "21 Nov" */
export const shortDate = (time) => short.format(time);
/** "21 Nov, 09:41 UTC" */
export const dateAndTime = (time) => `${short.format(time)}, ${clock.format(time)} UTC`;
/** "1,234.5" */
export const amount = (value) => number.format(value);

/** "1 report", "2 reports" */
export const count = (n, one, many = `${one}s`) => `${number.format(n)} ${n === 1 ? one : many}`;
/** "1 byte", "512 bytes" */
export const bytes = (n) => count(n, "byte");

/** How long ago, in the largest unit that says something: "just now", "5 min", "3 days". */
export function ago(then, now) {
  const minutes = Math.floor((now - then) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `for ${minutes} min`;
  const days = Math.floor((now - then) / DAY);
  return days < 1 ? `for ${Math.floor(minutes / 60)} h` : `for ${count(days, "day")}`;
}

/** Bytes as pairs of hexadecimal digits. */
export const hex = (body) => Array.from(body, (byte) => byte.toString(16).padStart(2, "0"));

/** Why no report left, by code. */
export const withheld = {
  not_due: "Its moment has not come: each device reports in one week of the window, drawn at random.",
  no_plan: "This pack asks no questions, so there is nothing to report.",
  no_consent: "You have not switched on noisy answers.",
  no_segments: "The first switch is off, so there is no answer to give.",
  storage_needed: "A report needs the “remember” switch, because what it costs must be written down before it leaves.",
  answered: "This window has its one answer; the next one waits for the next window.",
  budget: "This year’s budget is spent, so nothing more can leave until next year.",
  cool_down: "This device is new. It waits for the next window, so that clearing a browser never buys a second answer.",
  plan_not_live: "The plan has not begun or has ended, so nothing leaves any more.",
  clock_behind: "The clock went backwards, so nothing leaves until it has caught up.",
  no_entropy: "The browser offers no good randomness, and without noise nothing leaves.",
  no_key: "The pack names no key of the collector for now, and nothing leaves that others could read.",
  mechanism: "This plan asks more than this engine can answer, so nothing leaves.",
  not_durable: "What it costs is not yet safely written down, so it waits.",
  dropped: "This page held it back.",
  refused: "The collector refused it, and it is not tried again.",
  paused: "The page has paused.",
  not_running: "The engine is not running, so nothing can leave.",
  no_collector: "No collector is named, so nothing can leave.",
  offline: "The device is offline; the same bytes wait.",
};

/** Says in one sentence why no report left. */
export const whyNot = (code) => withheld[code] ?? `Nothing left: ${code}.`;
