// `keepset/capture`: tells a client what visitors do on a page, each kind only when the page asks for it, never any content.
import type { Unsubscribe } from "../emitter.js";
import type { Keepset } from "../types.js";
import { hold } from "./session.js";

/** What can be captured. Every kind is off until it is asked for; none ever reads or passes on content. */
export interface CaptureOptions {
  /** `page_view`, at first and whenever the path changes. */
  pageView?: boolean | PageViewOptions;
  /** `scroll_depth`, at a quarter, the half, three quarters and the end of what can be scrolled. */
  scrollDepth?: boolean;
  /** `dwell`, the seconds the page was visible. */
  dwell?: boolean;
  /** `outbound_click`, on a link to another host. */
  outboundClick?: boolean | OutboundClickOptions;
  /** `form_start`, then `form_submit` or `form_abandon`. */
  form?: boolean;
  /** `rage_click`, several quick clicks on one spot. */
  rageClick?: boolean | ClickOptions;
  /** `dead_click`, a click on what looks clickable, and nothing happens. */
  deadClick?: boolean | ClickOptions;
  /** `thrash`, the mouse shaken to and fro. */
  thrash?: boolean;
  /** `script_error`, an error of the page's own scripts that nothing caught. */
  scriptError?: boolean;
  /** `back_and_forth`, from one page to another and back within ten seconds. */
  backAndForth?: boolean;
  /** `copy`, something was copied. */
  copy?: boolean;
  /** `search_refinement`, another query soon after a first. */
  searchRefinement?: boolean | SearchOptions;
  /** Aborting is the same as calling the returned function. */
  signal?: AbortSignal;
}

/** How page views are named. */
export interface PageViewOptions {
  /** First path segments that may be told as `section`; any other is told as `"other"`. Left out, no section is told. */
  sections: readonly string[];
}

/** Which hosts are not outbound. */
export interface OutboundClickOptions {
  /** Further domains of one's own, subdomains included. */
  own: readonly string[];
}

/** Which clicks do not count. */
export interface ClickOptions {
  /** A CSS selector of what is clicked quickly or without effect by design, such as the plus and minus of a quantity. */
  except: string;
}

/** Where visitors search. */
export interface SearchOptions {
  /** A CSS selector of the inputs; by default search inputs and text inputs inside a search landmark. */
  inputs: string;
}

/**
 * Begins to capture, and returns what ends it. Never throws; on a server it does nothing. A kind that several calls ask
 * for is captured once, with the options of the first, until the last of them has ended.
 */
export function capture(client: Keepset, options: CaptureOptions): Unsubscribe {
  try {
    if (typeof document === "object" && !options.signal?.aborted) return hold(client, options);
  } catch {
    // A page without types asked for nothing that makes sense, and gets that.
  }
  return () => undefined;
}
