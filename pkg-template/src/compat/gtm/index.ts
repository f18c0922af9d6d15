// `keepset/compat/gtm`: takes what a page says to `gtag` and `dataLayer`, where the tag itself is gone.
import { safely } from "../../emitter.js";
import { takeTag } from "../../tags.js";
import type { Keepset } from "../../types.js";

/** How calls are read. */
export interface GtmOptions {
  /** What an event is called in the pack; `null` is one that is not taken. Left out, it is called there as here. */
  events?: { readonly [event: string]: string | null };
  /** What was pushed before: `window.dataLayer`. */
  queue?: unknown;
}

/** In the place of Google's tag. */
export interface Gtm {
  /** In the place of `gtag`: events are taken, `set`, `config` and `consent` do nothing. */
  gtag(command: string, ...rest: unknown[]): void;
  /** In the place of `dataLayer`. */
  readonly dataLayer: { push(...items: unknown[]): number };
}

/** Makes what a page may call in the place of the tag. Nothing of it throws; nothing is sent. */
export function gtm(client: Keepset, options: GtmOptions = {}): Gtm {
  const takeOne = (item: unknown): void => safely(() => takeTag(client, options.events, item));
  if (Array.isArray(options.queue)) options.queue.forEach(takeOne);
  let pushed = 0;
  return {
    gtag: (...call) => takeOne(call),
    dataLayer: {
      push: (...items) => {
        items.forEach(takeOne);
        return (pushed += items.length);
      },
    },
  };
}
