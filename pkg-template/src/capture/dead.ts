import { exceptions, FIELDS, matcher, selectsText } from "./clicks.js";
import type { ClickOptions } from "./index.js";
import { linkOf, now, pathOf, type Watch } from "./watch.js";

const LOOKS_CLICKABLE = "a,area,button,summary,input,[onclick],[role=button],[role=link],[role=tab],[role^=menuitem]";
/** Clicking what one has already is no dead end. */
const ALREADY = "[aria-current]:not([aria-current=false]),[aria-selected=true]";
/** Signs of life beside a change of the document. */
const SIGNS = "scroll submit reset invalid change input toggle play pause copy fullscreenchange visibilitychange beforeunload blur";
const MOVES = "focusin selectionchange";
const PATIENCE_MS = 1000;
/** A page too busy to look, or a dialog in front of it, proves nothing. */
const TARDY_MS = 500;
/** A press that becomes no click is forgotten after this. */
const PRESS_MS = 5000;
const EVERYTHING = { subtree: true, childList: true, attributes: true, characterData: true };

/** `dead_click`: a click on what looks clickable, and for a second nothing changes, moves or opens. A burst is one. */
export function deadClick(watch: Watch, options: ClickOptions): void {
  const looks = matcher(LOOKS_CLICKABLE);
  const excepted = exceptions(options, `${FIELDS},${ALREADY}`);
  // One attempt at a time: a press, the clicks that follow it, and whether anything came of them.
  let attempt: AbortController | undefined;
  let clicked: MouseEvent | undefined;
  let link: HTMLAnchorElement | undefined;
  let since = 0;
  let alive = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const live = (): void => void (alive = true);
  const see = (changes: readonly MutationRecord[]): void => {
    // Tags that measure add scripts to the head at every click; nobody sees them.
    alive ||= changes.some(({ target }) => !document.head?.contains(target));
  };
  const sign = ({ type, target }: Event): void => {
    // A press moves focus and selection by itself; only what moves after the click is an answer to it.
    const moves = MOVES.includes(type);
    if (!moves || (clicked && (type === "focusin" || selectsText()))) alive ||= type !== "blur" || target === window;
  };
  const observer = new MutationObserver(see);
  const end = (): void => {
    clearTimeout(timer);
    observer.disconnect();
    attempt?.abort();
    attempt = clicked = undefined;
  };
  const judge = (): void => {
    see(observer.takeRecords());
    const dead = clicked && !alive && now() - since < PATIENCE_MS + TARDY_MS && !leads(link, clicked);
    end();
    if (dead) watch.track("dead_click");
  };
  const begin = (event: Event): void => {
    end();
    alive = false;
    attempt = new AbortController();
    for (const root of event.composedPath() as Node[]) if (root.nodeType >= Node.DOCUMENT_NODE) observer.observe(root, EVERYTHING);
    watch.on(`${SIGNS} ${MOVES}`, sign, attempt.signal);
    timer = watch.after(PRESS_MS, end);
  };

  // Clicks on top of an undecided one share its fate: the second finds open what the first has opened.
  watch.on("pointerdown", (event) => clicked || begin(event));
  watch.on<MouseEvent>("click", (event) => {
    const path = pathOf(event);
    const counts = path[0] && !excepted(path) && (looks(path) || getComputedStyle(path[0]).cursor === "pointer");
    if (!counts) return clicked || end();
    // The keyboard clicks without a press.
    if (!attempt) begin(event);
    clicked = event;
    link = linkOf(path);
    since = now();
    clearTimeout(timer);
    timer = watch.after(PATIENCE_MS, judge);
  });
  watch.visits({ leaving: live, arrived: live });
  watch.signal.addEventListener("abort", end);
}

/** Says whether the browser itself follows a link: not one that a script stopped, and not one that names no place. */
function leads(link: HTMLAnchorElement | undefined, { defaultPrevented }: MouseEvent): boolean {
  if (!link || defaultPrevented) return false;
  const href = link.getAttribute("href") ?? "";
  return href.startsWith("#") ? document.getElementById(href.slice(1)) !== null : /^(?!javascript:)./.test(href);
}
