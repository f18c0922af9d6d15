// `keepset/compat/posthog`: takes the calls of posthog-js, without the person in them.
import { safely } from "../../emitter.js";
import { callOn, replay, take } from "../../take.js";
import type { Keepset } from "../../types.js";

/** How calls are read. */
export interface PostHogOptions {
  /** What an event is called in the pack; `null` is one that is not taken. Left out, `Product Viewed` is `product_viewed`. */
  events?: { readonly [event: string]: string | null };
  /** What the page's snippet has kept so far: `window.posthog`. */
  queue?: unknown;
}

/** In the place of `window.posthog`. Who someone is, is not taken. */
export interface PostHogCalls {
  /** `$pageview` and `$pageleave` are `page_view` and `page_leave`; other names that begin with a `$` are PostHog's own and are not taken. */
  capture(event: string, properties?: unknown, options?: unknown): void;
  /** Does nothing. */
  identify(...rest: unknown[]): void;
  /** Does nothing. */
  alias(...rest: unknown[]): void;
  /** Does nothing. */
  group(...rest: unknown[]): void;
  /** Does nothing. */
  register(...rest: unknown[]): void;
  /** Does nothing. */
  unregister(...rest: unknown[]): void;
  /** Forgets what this device did: someone else may come. */
  reset(): void;
  /** Denies every purpose. */
  opt_out_capturing(): void;
  /** Does nothing: a yes to PostHog is none to this. */
  opt_in_capturing(): void;
  /** Says whether events are refused. */
  has_opted_out_capturing(): boolean;
}

const OWN: { readonly [event: string]: string } = { $pageview: "page_view", $pageleave: "page_leave" };

/** Makes what a page may call in the place of `window.posthog`, and does what its snippet has kept. Nothing of it throws; nothing is sent. */
export function posthog(client: Keepset, options: PostHogOptions = {}): PostHogCalls {
  const { events } = options;
  const nothing = (): void => undefined;
  const calls: PostHogCalls = {
    capture: (event, properties, rest) =>
      safely(() => {
        const known = events && event in events;
        const name = known ? event : OWN[event] ?? event;
        if (!known && String(name).startsWith("$")) return;
        const { timestamp, uuid } = Object(rest) as { timestamp?: unknown; uuid?: unknown };
        const { $insert_id: id } = Object(properties) as { $insert_id?: unknown };
        const own = Object.entries(Object(properties) as object).filter(([key]) => !key.startsWith("$"));
        take(client, events, name, Object.fromEntries(own), { at: timestamp, id: uuid ?? id });
      }),
    identify: nothing,
    alias: nothing,
    group: nothing,
    register: nothing,
    unregister: nothing,
    opt_in_capturing: nothing,
    reset: () => void client.reset(),
    opt_out_capturing: () => void client.consent.set({ segmentation: "denied", storage: "denied", reporting: "denied", sharing: "denied" }),
    has_opted_out_capturing: () => client.consent.get().segmentation === "denied",
  };
  replay(options.queue, (method, args) => callOn(calls, method, args));
  return calls;
}
