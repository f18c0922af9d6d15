// `keepset/datalayer`: what a page pushes for Google's tags comes in as events; the segments a person shares go out.
import { endedBy, safely, surface, type Unsubscribe } from "../emitter.js";
import { KeepsetError } from "../errors.js";
import { followLabels } from "../labels.js";
import { followLayer } from "../layer.js";
import { takeTag } from "../tags.js";
import type { Keepset, SegmentId } from "../types.js";

/** What is read from the data layer, and what is written to it. */
export interface DataLayerOptions {
  /** What an event is called in the pack; `null` is one that is not read. Left out, it is called there as here. */
  events?: { readonly [event: string]: string | null };
  /** The segments that tags may see; as an object, each with the word that stands for it there. Left out, none. */
  segments?: readonly SegmentId[] | { readonly [S in SegmentId]?: string };
  /** The list; `window.dataLayer` when left out. */
  layer?: unknown[];
  /** Aborting is the same as calling the returned function. */
  signal?: AbortSignal;
}

/**
 * Reads the events that were pushed and will be, of `gtag("event", …)` and of `{ event: … }`, and tells a client. With `segments` it
 * pushes `{ event: "keepset_segments", keepset_segments: [...] }` whenever those change that the device is in, and only while the person
 * grants `sharing`; a withdrawal pushes an empty list. Never throws; the returned function ends both.
 */
export function connectDataLayer(client: Keepset, options: DataLayerOptions = {}): Unsubscribe {
  const page = globalThis as { dataLayer?: unknown };
  const over = new AbortController();
  const { events, segments, signal } = options;
  if (signal?.aborted) return () => undefined;
  const layer = options.layer ?? (page.dataLayer ??= []);
  if (!Array.isArray(layer)) {
    surface(new KeepsetError("invalid_options", "options.layer must be a list"));
    return () => undefined;
  }
  followLayer(layer, over.signal, (items) => items.forEach((item) => safely(() => takeTag(client, events, item))));
  const share = segments && followLabels(client, segments, (labels) => void layer.push({ event: "keepset_segments", keepset_segments: [...labels] }));
  return endedBy(signal, () => {
    over.abort();
    share?.();
  });
}
