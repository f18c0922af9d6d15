// What is pushed to a data layer, by `gtag("event", …)` or as an object with `event`, and what of it an engine can use.
import { named, type Names, take } from "./take.js";
import type { Keepset } from "./types.js";

/** Tells a client of one item of a data layer. What is no event of the page is passed over, those of the tag itself too. */
export function takeTag(client: Keepset, names: Names, item: unknown): void {
  // By place: what `gtag` pushes is a list of arguments.
  const { 0: command, 1: event, 2: parameters } = Object(item) as Record<number, unknown>;
  if (command === "event") return told(client, names, event, parameters);
  const { event: name, ecommerce, ...rest } = Object(item) as Record<string, unknown>;
  told(client, names, name, { ...rest, ...(Object(ecommerce) as object) });
}

function told(client: Keepset, names: Names, event: unknown, parameters: unknown): void {
  if (typeof event !== "string" || /^(gtm|keepset)[._]/.test(event)) return;
  const { transaction_id: id, event_id } = Object(parameters) as Record<string, unknown>;
  take(client, names, event, parameters, { id: once(event, id ?? event_id) });
}

/** What names an event once and for all; an order that is paid and an order that is refunded are two. */
const once = (event: string, id: unknown): unknown => (typeof id === "string" || typeof id === "number" ? `${named(event)} ${id}` : undefined);
