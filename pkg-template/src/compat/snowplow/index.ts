// `keepset/compat/snowplow`: takes the calls of Snowplow's JavaScript tracker, without the person in them.
import { safely } from "../../emitter.js";
import { replay, take } from "../../take.js";
import type { Keepset } from "../../types.js";

/** How calls are read. */
export interface SnowplowOptions {
  /**
   * What an event is called in the pack; `null` is one that is not taken. Left out, a self-describing event is called as its schema
   * is, a structured one as its action and a page view `page_view`.
   */
  events?: { readonly [event: string]: string | null };
  /** What the page's snippet has kept so far: `window.snowplow.q`. */
  queue?: unknown;
}

/** In the place of `window.snowplow`: `snowplow("trackPageView")`, with the name of a tracker behind a colon or without. */
export type Snowplow = (method: string, ...args: unknown[]) => void;

/** Makes what a page may call in the place of `window.snowplow`, and does what its snippet has kept. Nothing of it throws; nothing is sent. */
export function snowplow(client: Keepset, options: SnowplowOptions = {}): Snowplow {
  const call: Snowplow = (method, ...args) => safely(() => act(client, options.events, String(method).split(":")[0] ?? "", Object(args[0]) as Given));
  replay(options.queue, (method, args) => call(method, ...args));
  return call;
}

interface Given {
  event?: { schema?: unknown; data?: unknown };
  action?: unknown;
  category?: unknown;
  value?: unknown;
  timestamp?: unknown;
}

/** Methods that are no `track…` set up a tracker or say who someone is: nothing is done. */
function act(client: Keepset, names: SnowplowOptions["events"], method: string, given: Given): void {
  const at = moment(given.timestamp);
  switch (method) {
    case "trackPageView":
      return take(client, names, "page_view", {}, { at });
    case "trackStructEvent":
      return take(client, names, given.action, { category: given.category, value: given.value }, { at });
    case "trackSelfDescribingEvent":
    case "trackUnstructEvent": {
      const { schema, data } = Object(given.event ?? given) as { schema?: unknown; data?: unknown };
      // iglu:vendor/name/format/version
      return take(client, names, String(schema).split("/")[1], data, { at });
    }
  }
}

/** A device's or a true timestamp, as the tracker takes them. */
function moment(timestamp: unknown): unknown {
  return typeof timestamp === "object" && timestamp !== null ? (timestamp as { value?: unknown }).value : timestamp;
}
