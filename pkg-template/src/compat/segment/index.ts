// `keepset/compat/segment`: takes the calls of Segment's analytics.js, without the person in them.
import { safely } from "../../emitter.js";
import { callOn, replay, take } from "../../take.js";
import type { Keepset } from "../../types.js";

/** How calls are read. */
export interface SegmentOptions {
  /** What an event is called in the pack; `null` is one that is not taken. Left out, `Product Viewed` is `product_viewed`. */
  events?: { readonly [event: string]: string | null };
  /** What the page's snippet has kept so far: `window.analytics`. */
  queue?: unknown;
}

/** In the place of `window.analytics`. Who someone is, is not taken. */
export interface SegmentAnalytics {
  track(event: string, properties?: unknown, options?: unknown, callback?: () => void): Promise<void>;
  /** Is the event `page_view`, without title and address. */
  page(...rest: unknown[]): Promise<void>;
  /** Is the event `screen_view`, without its name. */
  screen(...rest: unknown[]): Promise<void>;
  /** Does nothing. */
  identify(...rest: unknown[]): Promise<void>;
  /** Does nothing. */
  group(...rest: unknown[]): Promise<void>;
  /** Does nothing. */
  alias(...rest: unknown[]): Promise<void>;
  /** Calls back at once. */
  ready(callback?: () => void): Promise<void>;
  /** Forgets what this device did: someone else may come. */
  reset(): Promise<void>;
}

/** Makes what a page may call in the place of `window.analytics`, and does what its snippet has kept. Nothing of it throws; nothing is sent. */
export function segment(client: Keepset, options: SegmentOptions = {}): SegmentAnalytics {
  const { events } = options;
  /** The last argument that is a function is called back, as they all do. */
  const done = (args: unknown[]): Promise<void> => {
    const callback = args.reverse().find((argument) => typeof argument === "function") as (() => void) | undefined;
    if (callback) safely(callback);
    return Promise.resolve();
  };
  const view = (name: string, args: unknown[]): Promise<void> => {
    safely(() => take(client, events, name, args.find((argument) => typeof argument === "object")));
    return done(args);
  };
  const analytics: SegmentAnalytics = {
    track: (event, properties, ...rest) => {
      safely(() => {
        const { timestamp, messageId } = Object(rest[0]) as { timestamp?: unknown; messageId?: unknown };
        take(client, events, event, typeof properties === "function" ? {} : properties, { at: timestamp, id: messageId });
      });
      return done([properties, ...rest]);
    },
    page: (...args) => view("page_view", args),
    screen: (...args) => view("screen_view", args),
    identify: (...args) => done(args),
    group: (...args) => done(args),
    alias: (...args) => done(args),
    ready: (...args) => done(args),
    reset: () => client.reset(),
  };
  replay(options.queue, (method, args) => callOn(analytics, method, args));
  return analytics;
}
