const MINUTE = 60_000;
const DAY = 86_400_000;
/** Two years back and one ahead: as far as windows and timers look. */
const BACK = 731 * DAY;
const AHEAD = 366 * DAY;
/** No zone moves its clocks twice within a week. */
const STEP = 7 * DAY;

/** The offset of the device's time zone at an instant, in minutes east of UTC. */
const offset = (at: number): number => -Math.round(new Date(at).getTimezoneOffset());

/** The offsets of the device's time zone around now: pairs of the millisecond from which one holds and its minutes east. */
export function zoneAround(now: number): Float64Array {
  let from = now - BACK;
  const pairs = [from, offset(from)];
  for (; from < now + AHEAD; from += STEP) {
    if (offset(from) === offset(from + STEP)) continue;
    // Clocks change on a whole minute, somewhere in between.
    let before = Math.floor(from / MINUTE);
    let after = Math.ceil((from + STEP) / MINUTE);
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (offset(middle * MINUTE) === offset(from)) before = middle;
      else after = middle;
    }
    pairs.push(after * MINUTE, offset(from + STEP));
  }
  return Float64Array.from(pairs);
}

/** Says whether the offsets of a zone still are the device's: it may have travelled, or gone on for a year. */
export function zoneHolds(zone: Float64Array, now: number): boolean {
  const [first = now + 1] = zone;
  if (now < first || now > first + BACK + AHEAD) return false;
  let held = 0;
  for (let n = 0; n < zone.length && (zone[n] ?? 0) <= now; n += 2) held = zone[n + 1] ?? 0;
  return held === offset(now);
}
