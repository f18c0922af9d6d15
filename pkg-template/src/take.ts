// What other vendors' calls say that an engine can use: a name, and plain values without ids or addresses of people.
import type { Scalar } from "./dto.js";
import { safely } from "./emitter.js";
import { LONGEST_ID } from "./input.js";
import type { Keepset, TrackOptions } from "./types.js";

/** What an event of a page is called in the pack; `null` is an event that is not taken. Left out, the vendor's name in the pack's letters. */
export type Names = { readonly [event: string]: string | null } | undefined;

/** Words that say whose it is or where it happened. */
const PERSONAL = /(^|_)(id|ids|uid|uuid|guid|user|email|mail|phone|ip|address|name|first|last|birthday|token|url|uri|href|path|location|title|referrer|referer|search|query|campaign|gclid|fbclid)($|_)/;

/** Texts that are an address, of a page or of a person. */
const ADDRESS = /:\/\/|@/;

/** A name in the letters that packs use: `Product Viewed` and `productViewed` are `product_viewed`. */
export function named(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, "_")
    .replace(/^[^a-z]+|_+$/g, "")
    .slice(0, 64);
}

/** The plain values of an object, named as packs name them; how many there are of a list; nothing that says who someone is or where. */
export function values(given: unknown): Record<string, Scalar> {
  const kept: Record<string, Scalar> = {};
  for (const [key, value] of Object.entries(Object(given) as Record<string, unknown>)) {
    const name = named(key);
    if (name === "" || PERSONAL.test(name)) continue;
    if (Array.isArray(value)) kept[name] = value.length;
    else if (typeof value === "boolean" || (typeof value === "string" && !ADDRESS.test(value)) || (typeof value === "number" && Number.isFinite(value))) kept[name] = value;
  }
  return kept;
}

/** Tells a client of an event that came in a vendor's words. An `id` makes it count once; only its hash is kept. */
export function take(client: Keepset, names: Names, event: unknown, given?: unknown, options: { id?: unknown; at?: unknown } = {}): void {
  if (typeof event !== "string") return;
  const renamed = names && Object.prototype.hasOwnProperty.call(names, event) ? names[event] : named(event);
  if (!renamed) return;
  const { id, at } = options;
  const known: TrackOptions = {};
  if ((typeof id === "string" && id.length <= LONGEST_ID) || typeof id === "number") if (id !== "") known.id = String(id);
  if (at instanceof Date || typeof at === "number") known.at = at;
  else if (typeof at === "string" && !Number.isNaN(Date.parse(at))) known.at = Date.parse(at);
  (client.track as (name: string, properties: object, options: TrackOptions) => void)(renamed, values(given), known);
}

/** Calls what an object offers under a name, if it offers it itself. */
export function callOn(calls: object, method: string, args: unknown[]): void {
  if (Object.prototype.hasOwnProperty.call(calls, method)) (calls as Record<string, (...args: unknown[]) => unknown>)[method]?.(...args);
}

/** Does the calls that a vendor's snippet kept until its script came: lists whose first element is a name. */
export function replay(queue: unknown, call: (method: string, args: unknown[]) => void): void {
  const all = (list: unknown): unknown[] => (typeof list === "object" && list !== null ? Array.prototype.slice.call(list) : []);
  safely(() => {
    for (const item of all(queue)) {
      safely(() => {
        const [method, ...args] = all(item);
        if (typeof method === "string") call(method, args);
      });
    }
  });
}
