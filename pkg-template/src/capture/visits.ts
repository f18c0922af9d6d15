import { guarded } from "./watch.js";

/** Hears of leaving and arriving. */
export interface Visitor {
  /** The route, or the page when `gone`, is being left: the last moment at which something told is sure to be kept. */
  leaving?(gone: boolean): void;
  /** Another path is shown, or the page came back from where browsers keep pages for "back". */
  arrived?(back: boolean): void;
}

/** The part of the Navigation API that is used. */
interface NavigateEvent extends Event {
  downloadRequest: string | null;
  destination: { sameDocument: boolean; url: string };
}

const visitors = new Set<Visitor>();
let watching = new AbortController();
/** Where the visitor is: a route is a path, whatever its query and fragment. */
let path: string;

/** Tells a visitor of every leaving and arriving from now on, until the signal. */
export function visit(visitor: Visitor, signal: AbortSignal): void {
  if (visitors.size === 0) begin();
  visitors.add(visitor);
  signal.addEventListener("abort", () => {
    visitors.delete(visitor);
    if (visitors.size === 0) watching.abort();
  });
}

function begin(): void {
  path = location.pathname;
  watching = new AbortController();
  const options = { capture: true, passive: true, signal: watching.signal };
  const { navigation } = window as { navigation?: EventTarget };
  if (navigation) {
    navigation.addEventListener("currententrychange", look, options);
    navigation.addEventListener("navigate", guarded(depart), options);
  } else {
    wrap("pushState", watching.signal);
    wrap("replaceState", watching.signal);
    addEventListener("popstate", look, options);
  }
  addEventListener("pagehide", () => tell("leaving", true), options);
  addEventListener("pageshow", ({ persisted }) => persisted && tell("arrived", true), options);
}

function look(): void {
  if (location.pathname === path) return;
  path = location.pathname;
  tell("leaving", false);
  tell("arrived", false);
}

/** Earlier than `pagehide`, by the time the next page takes to answer: what is told now is kept. */
function depart(event: Event): void {
  const { downloadRequest, destination } = event as NavigateEvent;
  const leaves = downloadRequest === null && !destination.sameDocument && /^https?:/.test(destination.url);
  if (leaves) tell("leaving", false);
}

function tell(what: keyof Visitor, how: boolean): void {
  for (const visitor of [...visitors]) guarded(() => visitor[what]?.(how))();
}

/** Looks after every call of a function of `history`, and puts the function back in the end. */
function wrap(name: "pushState" | "replaceState", signal: AbortSignal): void {
  const real = history[name];
  const wrapper: typeof real = function (this: History, ...args) {
    real.apply(this, args);
    if (!signal.aborted) look();
  };
  history[name] = wrapper;
  signal.addEventListener("abort", () => {
    // Someone else's wrapper around ours stays; ours then only passes on.
    if (history[name] !== wrapper) return;
    delete (history as Partial<History>)[name];
    if (history[name] !== real) history[name] = real;
  });
}
