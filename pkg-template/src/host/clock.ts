import type { Clock } from "../types.js";

/** The device's own clock. */
export const systemClock: Clock = { now: () => Date.now() };

/** The end of the year 9999, the last instant the engine knows. */
const LATEST = 253_402_300_799_999;

/** Reads a clock that may be anyone's: whole milliseconds, and the device's own time when it says nonsense. */
export function read(clock: Clock): number {
  try {
    const now = Math.floor(clock.now());
    if (now >= 0 && now <= LATEST) return now;
  } catch {
    // Falls through to the device's own time.
  }
  return Date.now();
}
