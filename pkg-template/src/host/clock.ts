import type { Clock } from "../types.js";

/** The device's own clock. */
export const systemClock: Clock = { now: () => Date.now() };

/** Reads a clock that may be anyone's: whole milliseconds, and the device's own time when it says nonsense. */
export function read(clock: Clock): number {
  try {
    const now = Math.floor(clock.now());
    if (Number.isSafeInteger(now)) return now;
  } catch {
    // Falls through to the device's own time.
  }
  return Date.now();
}
