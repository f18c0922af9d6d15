import { BUTTONS } from "./clicks.js";
import { pathOf, type Watch } from "./watch.js";

const SEARCH = "[role=search]";
/** A field other than one to search with. */
const OTHER_FIELD = `textarea,select,input:not(${BUTTONS},[type=search],[type=hidden],[type=checkbox],[type=radio])`;

/** `form_start`, then `form_submit`, or `form_abandon` when the route or page is left without. What is typed is never read. */
export function form(watch: Watch): void {
  const started = new Set<HTMLFormElement>();
  watch.on("input change", (event) => {
    const owner = (pathOf(event)[0] as { form?: unknown } | undefined)?.form;
    if (!(owner instanceof HTMLFormElement) || started.has(owner) || isSearch(owner)) return;
    started.add(owner);
    watch.track("form_start");
  });
  // Forms sent by a script tell no `submit`, but what is sent is put together, and that is told.
  watch.on("submit formdata", ({ target, type }) => {
    const owner = target as HTMLFormElement;
    if (isSearch(owner)) return;
    if (started.delete(owner) || type === "submit") watch.track("form_submit");
  });
  watch.visits({
    leaving() {
      started.forEach(() => watch.track("form_abandon"));
      started.clear();
    },
  });
}

function isSearch(owner: HTMLFormElement): boolean {
  return owner.closest(SEARCH) !== null || (owner.querySelector("input[type=search]") !== null && owner.querySelector(OTHER_FIELD) === null);
}
