// What is read: page views, depth, time, and going back and forth.
import type { PageViewOptions } from "./index.js";
import { now, type Watch } from "./watch.js";

/** `page_view`: a path is shown. */
export function pageView(watch: Watch, { sections }: Partial<PageViewOptions>): void {
  const known = sections && new Set(sections);
  const view = (): void => {
    const path = location.pathname;
    watch.told.path = path;
    const first = path.split("/")[1] ?? "";
    watch.track("page_view", known && { section: known.has(first) ? first : "other" });
  };
  watch.visits({ arrived: view });
  if (watch.told.path !== location.pathname) view();
}

const MARKS = [25, 50, 75, 100];
/** Half a pixel is lost to rounding on screens with odd scales. */
const NEARLY = 1;
const GLANCE_MS = 200;

/** `scroll_depth`: the person got so far down, each mark once a view. */
export function scrollDepth(watch: Watch): void {
  let reached = 0;
  let moved = false;
  let glance: unknown;
  const measure = (target: EventTarget | null): void => {
    glance = undefined;
    const page = document.scrollingElement as Element;
    // Where the document itself cannot scroll, the large box that does is the page.
    const box = roomIn(page) > NEARLY ? page : (target as Element);
    const room = roomIn(box);
    if (!(moved && room > NEARLY && box.clientHeight >= innerHeight / 2)) return;
    for (const mark of MARKS) {
      if (mark <= reached || mark > (100 * (box.scrollTop + NEARLY)) / room) continue;
      reached = mark;
      watch.track("scroll_depth", { percent: mark });
    }
  };
  // Frameworks and "back" scroll too: only what follows a hand on the page counts.
  watch.on("wheel touchmove keydown pointerdown", () => (moved = true));
  watch.on("scroll", ({ target }) => (glance ??= watch.after(GLANCE_MS, () => measure(target))));
  watch.visits({
    arrived() {
      reached = 0;
      moved = false;
    },
  });
}

const roomIn = ({ scrollHeight, clientHeight }: Element): number => scrollHeight - clientHeight;

/** A page that is closed at once loses what was not told yet: at most this. */
const BEAT_MS = 30_000;
/** A screen left on is not somebody reading: more is not counted in one view. */
const LONGEST_MS = 30 * 60_000;

/** `dwell`: whole seconds of visible time, told in pieces whose sum is the time; less than a second waits for the next piece. */
export function dwell(watch: Watch): void {
  let since: number | undefined;
  let owed = 0;
  let room = LONGEST_MS;
  let beat: ReturnType<typeof setTimeout> | undefined;
  const settle = (visible: boolean): void => {
    const spent = since === undefined ? 0 : Math.min(now() - since, room);
    room -= spent;
    owed += spent;
    since = visible && room > 0 ? now() : undefined;
    clearTimeout(beat);
    if (since !== undefined) beat = watch.after(BEAT_MS, () => settle(isVisible()));
    const seconds = Math.floor(owed / 1000);
    if (seconds < 1) return;
    owed -= seconds * 1000;
    watch.track("dwell", { seconds });
  };
  settle(isVisible());
  watch.on("visibilitychange", () => settle(isVisible()));
  watch.visits({
    leaving: (gone) => settle(!gone && isVisible()),
    arrived() {
      room = LONGEST_MS;
      settle(isVisible());
    },
  });
}

const isVisible = (): boolean => document.visibilityState === "visible";

const AND_BACK_MS = 10_000;
/** A redirect is not a person who looked and turned round. */
const LOOKED_MS = 250;

/** `back_and_forth`: away from a page and back on it soon. */
export function backAndForth(watch: Watch): void {
  let before: string | undefined;
  let here = location.pathname;
  let since = now();
  watch.visits({
    leaving(gone) {
      if (gone) since = now();
    },
    arrived(back) {
      const away = now() - since;
      const returned = back || location.pathname === before;
      const counts = returned && away >= LOOKED_MS && away <= AND_BACK_MS;
      if (counts) watch.track("back_and_forth");
      before = counts || back ? undefined : here;
      here = location.pathname;
      since = now();
    },
  });
}
