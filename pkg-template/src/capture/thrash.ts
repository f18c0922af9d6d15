import type { Watch } from "./watch.js";

const TURNS = 6;
const WITHIN_MS = 1500;
/** A way shorter than this is a trembling hand. */
const SHORTEST = 50;

/** One axis of the mouse: takes a position, and says whether it was the last of so many quick turns; none is a rest. */
function axis(): (to: number | undefined, at: number) => boolean {
  let last: number | undefined;
  let start = 0;
  let way = 0;
  let turns: number[] = [];
  return (to, at) => {
    const from = last;
    last = to;
    if (to === undefined || from === undefined) {
      way = 0;
      turns = [];
      return false;
    }
    const next = Math.sign(to - from);
    if (next === 0 || next === way) return false;
    const turned = way !== 0 && Math.abs(from - start) >= SHORTEST;
    way = next;
    start = from;
    if (!turned) return false;
    turns = [...turns, at].slice(-TURNS);
    return turns.length === TURNS && at - (turns[0] ?? 0) <= WITHIN_MS;
  };
}

/** `thrash`: the mouse turns round six times within a second and a half, once a burst. */
export function thrash(watch: Watch): void {
  const across = axis();
  const down = axis();
  let last = -WITHIN_MS;
  watch.on<MouseEvent>("mousemove", ({ buttons, clientX, clientY, timeStamp: at }) => {
    // Dragging, drawing and selecting go to and fro by nature.
    const idle = buttons === 0;
    const turnedAcross = across(idle ? clientX : undefined, at);
    const turnedDown = down(idle ? clientY : undefined, at);
    if (!turnedAcross && !turnedDown) return;
    if (at - last >= WITHIN_MS) watch.track("thrash");
    last = at;
  });
}
