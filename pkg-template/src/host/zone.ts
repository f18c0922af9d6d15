const MINUTE = 60_000;
const DAY = 86_400_000;
/** No zone moves its clocks twice within a week. */
const STEP = 7 * DAY;
/** Two years back and one ahead: as far as windows and timers look. */
const BACK = 105 * STEP;
const LENGTH = 160 * STEP;

/** The offset of the device's time zone at an instant, in minutes east of UTC. */
const offset = (at: number): number => -Math.round(new Date(at).getTimezoneOffset());

/** Changes when the offsets have to be looked at again: the device has travelled, its clocks were changed, or a week is over. */
export const placeAt = (now: number): string => `${Math.floor(now / STEP)} ${offset(now)}`;

/**
 * The offsets of the device's time zone around now: pairs of the millisecond from which one holds and its minutes east. The
 * same within a week, unless the device travels.
 */
export function zoneAround(now: number): Float64Array {
  const start = Math.floor(now / STEP) * STEP - BACK;
  const pairs = [start, offset(start)];
  for (let from = start; from < start + LENGTH; from += STEP) {
    // Clocks change on a whole minute, somewhere in between.
    let before = from / MINUTE;
    let after = (from + STEP) / MINUTE;
    const held = offset(from);
    const next = offset(from + STEP);
    if (held === next) continue;
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (offset(middle * MINUTE) === held) before = middle;
      else after = middle;
    }
    pairs.push(after * MINUTE, next);
  }
  return Float64Array.from(pairs);
}
