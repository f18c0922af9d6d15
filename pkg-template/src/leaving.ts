// The last question before something leaves: whether what it relies on still holds at this moment.
import type { Report } from "./dto.js";
import { wantsPrivacy } from "./host/privacy.js";
import type { Consent } from "./types.js";

/** Whoever follows a consent platform has so long to confirm. */
const PATIENCE_MS = 2_000;

/** Whether a report or labels may leave now. No answer in time is a no, what throws is, and labels need a browser that does not forbid them. */
export async function mayLeave({ kind, purpose }: Report, confirm: Consent["confirm"]): Promise<boolean> {
  const confirmed = (await inTime(async () => confirm?.(purpose))) === true;
  // The collector refuses labels then, and the setting tells no one of its changes.
  return confirmed && !(kind === "label" && wantsPrivacy());
}

/** What is answered in time; nothing else. */
async function inTime<T>(ask: () => Promise<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await Promise.race([ask(), new Promise<undefined>((resolve) => (timer = setTimeout(resolve, PATIENCE_MS)))]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
