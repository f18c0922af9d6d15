// Clicks that say something by themselves: out of the site, or in anger.
import type { ClickOptions, OutboundClickOptions } from "./index.js";
import { linkOf, pathOf, type Watch } from "./watch.js";

/** The inputs that are buttons. */
export const BUTTONS = "[type=submit],[type=button],[type=reset],[type=image]";
/** What is clicked often, or answers where a page cannot see it: fields, players, drawings. */
export const FIELDS = `textarea,select,input:not(${BUTTONS}),option,label,video,audio,canvas,object,embed,[contenteditable]`;

/** A test for elements on an event's path; throws at once when the selector is none. */
export function matcher(selector: string): (path: readonly Element[]) => boolean {
  document.querySelector(selector);
  return (path) => path.some((element) => element.matches(selector));
}

/** What does not count for a kind of click. */
export const exceptions = ({ except }: Partial<ClickOptions>, always: string): ReturnType<typeof matcher> =>
  matcher(except ? `${always},${except}` : always);

/** `outbound_click`: a link to another host was followed, in this tab or another. */
export function outboundClick(watch: Watch, { own = [] }: Partial<OutboundClickOptions>): void {
  const ours = [location.hostname, ...own];
  const isOurs = (host: string): boolean => ours.some((mine) => `.${host}`.endsWith(`.${mine}`));
  watch.on<MouseEvent>("click auxclick", (event) => {
    const link = linkOf(pathOf(event));
    if (event.button > 1 || !link || !/^https?:$/.test(link.protocol) || isOurs(link.hostname)) return;
    watch.track("outbound_click");
  });
}

const WITHIN_MS = 1000;
const RADIUS = 30;

/** `rage_click`: three clicks on one spot within a second, once a burst; four where they select text, as a triple click does. */
export function rageClick(watch: Watch, options: ClickOptions): void {
  const excepted = exceptions(options, FIELDS);
  let burst: { at: number; x: number; y: number }[] = [];
  let told = false;
  watch.on<MouseEvent>("click", (event) => {
    const { timeStamp: at, clientX: x, clientY: y } = event;
    // The keyboard clicks without a place, and repeats while a key is held.
    if (event.detail === 0 || excepted(pathOf(event))) return;
    burst = burst.filter((click) => at - click.at <= WITHIN_MS && Math.hypot(x - click.x, y - click.y) <= RADIUS);
    burst.push({ at, x, y });
    if (burst.length === 1) told = false;
    if (told || burst.length < (selectsText() ? 4 : 3)) return;
    told = true;
    watch.track("rage_click");
  });
}

/** Says whether text is selected, without looking at it. */
export const selectsText = (): boolean => getSelection()?.type === "Range";
