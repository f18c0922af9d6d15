// Each tracker as its documentation starts it, told to send the page's own events and nothing else: no automatic events, recordings,
// flags or reports about itself. What it would send of its own comes on top.
import { opened } from "./sink.mjs";

const RUDDER = { source: { id: "source", name: "shop", writeKey: "key", workspaceId: "shop", enabled: true, config: { statsCollection: { errors: { enabled: false }, metrics: { enabled: false } } }, connections: [], destinations: [], dataplanes: {} }, updatedAt: "2026-01-01T00:00:00Z" };

/** `start` is code of the page that gives `track(name, properties)`; `count` says how many events a request carries. */
export const TRACKERS = [
  {
    name: "posthog-js",
    package: "posthog-js",
    start: (url) => `
      import posthog from "posthog-js";
      posthog.init("phc_key", { api_host: ${JSON.stringify(url)}, autocapture: false, capture_pageview: false, capture_pageleave: false, capture_performance: false, capture_heatmaps: false, capture_dead_clicks: false, capture_exceptions: false, disable_session_recording: true, disable_surveys: true, opt_out_useragent_filter: true, disable_external_dependency_loading: true, advanced_disable_flags: true, rate_limiting: { events_per_second: 1000, events_burst_limit: 10000 } });
      globalThis.track = (name, properties) => posthog.capture(name, properties);`,
    count: ({ url, body }) => (/\/(e|i)\//.test(url) ? [JSON.parse(opened(body))].flatMap((sent) => sent.batch ?? sent).filter(({ event }) => !event.startsWith("$")).length : 0),
  },
  {
    name: "Segment",
    package: "@segment/analytics-next",
    start: (url) => `
      import { AnalyticsBrowser } from "@segment/analytics-next";
      const analytics = AnalyticsBrowser.load({ writeKey: "key", cdnSettings: { integrations: { "Segment.io": { apiKey: "key" } } } }, { integrations: { "Segment.io": { apiHost: ${JSON.stringify(`${url.replace("http://", "")}/v1`)}, protocol: "http" } } });
      globalThis.track = (name, properties) => void analytics.track(name, properties);`,
    count: ({ url }) => (url.endsWith("/t") ? 1 : 0),
  },
  {
    name: "Snowplow",
    package: "@snowplow/browser-tracker",
    start: (url) => `
      import { newTracker, trackSelfDescribingEvent } from "@snowplow/browser-tracker";
      newTracker("shop", ${JSON.stringify(url)}, { appId: "shop" });
      globalThis.track = (name, data) => trackSelfDescribingEvent({ event: { schema: "iglu:com.example/" + name + "/jsonschema/1-0-0", data } });`,
    count: ({ url, body }) => (/tp2/.test(url) ? JSON.parse(opened(body)).data.length : 0),
  },
  {
    name: "RudderStack",
    package: "@rudderstack/analytics-js",
    start: (url) => `
      import { RudderAnalytics } from "@rudderstack/analytics-js/bundled";
      const analytics = new RudderAnalytics();
      analytics.load("key", ${JSON.stringify(url)}, { getSourceConfig: () => (${JSON.stringify(RUDDER)}), logLevel: "NONE" });
      globalThis.track = (name, properties) => analytics.track(name, properties);`,
    count: ({ url }) => (url.endsWith("/track") ? 1 : 0),
  },
];
