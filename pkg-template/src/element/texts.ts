import type { LedgerTexts } from "./index.js";

export const ENGLISH: LedgerTexts = {
  title: "What left this device",
  total: "Reports: {reports}. Bytes: {bytes}.",
  shared: "Groups shared or taken back: {times}. Bytes: {bytes}.",
  perReport: "per report",
  perWindow: "this window",
  perYear: "last 365 days",
  spent: "{spent} of {limit}",
  meaning: "Epsilon: the smaller, the less anyone can learn. Whatever you did, any other person was at least 1/{times} as likely to send the same report.",
  left: "What left, or was to leave",
  nothingLeft: "Nothing. Not one byte about you has left.",
  waits: "What waits",
  nothingWaits: "Nothing waits to leave.",
  ready: "One report is ready. It leaves soon, at a random moment, or never after {date}.",
  stop: "How to stop it",
  stopSays: "Reports and groups leave no more from that moment on, and what waits is dropped. Groups you shared are taken back; that word still leaves. A report that has left cannot be called back, and nobody can tell which answer was yours.",
  withdraw: "Stop all that leaves",
  withdrawn: "Stopped: neither reports nor sharing is allowed. Nothing leaves but the word that takes back what you had shared.",
  take: "Take it with you",
  export: "Save as a file",
  exportSays: "The file is a chain: a changed or missing line shows. It says when your reports left, so give it only to whom you trust.",
  outcome: { waiting: "waiting", accepted: "received", refused: "refused, not sent again", withdrawn: "withdrawn", expired: "too late, not sent" },
  why: "Why",
  whyUnknown: "To count how many people are in each group.",
  label: "The groups you agreed to share, under a name that changes.",
  erasure: "The word to erase what you had shared.",
  who: "Who can read it",
  whoSays: "{owner}, as one noisy answer without a name.",
  ownerUnknown: "Who runs this site",
  cost: "Cost",
  consent: "Your consent",
  since: "since {date}",
  mechanism: "Noise",
  bytes: "The exact bytes",
  bytesGone: "You erased them here.",
  receipt: "Receipt",
  withheld: {
    no_consent: "Reports are not allowed.",
    storage_needed: "Its cost could not be written down.",
    answered: "This window has its one answer, or this device is new and waits for the next.",
    not_due: "Its moment in this window has not come.",
    budget: "This year's allowance is spent.",
    no_plan: "No questions are asked.",
    plan_not_live: "The plan has not begun, or has ended.",
    no_collector: "No collector is named.",
  },
};

/** A text with what it leaves open filled in. */
export function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}
