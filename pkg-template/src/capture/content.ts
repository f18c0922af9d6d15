// What touches content, and does not keep it: copying, and searching again.
import type { SearchOptions } from "./index.js";
import { now, pathOf, type Watch } from "./watch.js";

/** `copy`: something was copied. What it was is not looked at. */
export function copy(watch: Watch): void {
  watch.on("copy", () => watch.track("copy"));
}

const INPUTS = "input[type=search],[role=searchbox],[role=search] input";
const SOON_MS = 5 * 60_000;
/** Of the hash FNV-1a. */
const PRIME = 0x01000193;

/**
 * `search_refinement`: another query within five minutes of the last. A query counts when its form is sent, or without
 * a form when Enter is pressed or the field is left. Of a query only a number is kept, in memory, salted anew on each page.
 */
export function searchRefinement(watch: Watch, { inputs = INPUTS }: Partial<SearchOptions>): void {
  document.querySelector(inputs);
  const salt = (Math.random() * 2 ** 32) | 0;
  let last: number | undefined;
  let at = now();
  /** The number of a field's query: the text is gone when this returns. */
  const read = (field: Element | undefined): number | undefined => {
    if (!field?.matches(inputs) || !(field instanceof HTMLInputElement) || field.type === "password") return undefined;
    const query = field.value.trim();
    return query ? [...query].reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), PRIME), salt) : undefined;
  };
  const searched = (field: Element | undefined): void => {
    const query = read(field);
    if (query === undefined) return;
    if (last !== undefined && query !== last && now() - at <= SOON_MS) watch.track("search_refinement");
    last = query;
    at = now();
  };
  // A page of results comes with its query in the field: it is the first one.
  watch.on("focusin", (event) => void (last ??= read(pathOf(event)[0])));
  watch.on("submit", (event) => pathOf(event)[0]?.querySelectorAll("input").forEach(searched));
  watch.on<KeyboardEvent>("change keyup", (event) => {
    const field = pathOf(event)[0] as HTMLInputElement | undefined;
    if (!field?.form && (event.type === "change" || (event.key === "Enter" && !event.isComposing))) searched(field);
  });
}
