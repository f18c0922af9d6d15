// What the app around a web view may ask of the page's client.
import { toBase64 } from "../bytes.js";
import type { Keepset } from "../types.js";

/** A message as it came: nothing is known of its members. */
export type Message = { readonly [member: string]: unknown };
type Call = (client: Keepset, message: Message) => unknown;

/** Why a request was not done: a stable code and a sentence. */
export interface Refusal {
  code: "version" | "unknown_call" | "no_client" | "refused" | "failed";
  message: string;
}

/** By name: what the client does or says then. */
const CALLS: { readonly [call: string]: Call } = {
  segments: (client) => client.getSnapshot().segments,
  has: (client, { segment }) => client.has(segment as never),
  explain: (client, { segment }) => client.explain(segment as never),
  features: (client) => client.features(),
  track,
  "consent.get": (client) => client.consent.get(),
  "consent.set": async (client, { choice }) => (await client.consent.set(Object(choice) as object), client.consent.get()),
  ledger: (client) => client.ledger.list(),
  budget: (client) => client.ledger.budget(),
  preview: (client) => client.preview(),
  flush: (client) => client.flush(),
  exportData: (client) => client.exportData(),
  pause: (client) => client.pause(),
  resume: (client) => client.resume(),
  reset: (client) => client.reset(),
  deleteAll: (client) => client.deleteAll(),
};

/** Does what a message asks and returns what the reply holds. Never rejects. */
export async function answer(message: Message, version: number, client: Keepset | undefined): Promise<{ value: unknown } | { error: Refusal }> {
  try {
    const call = Object.prototype.hasOwnProperty.call(CALLS, String(message.call)) ? CALLS[String(message.call)] : undefined;
    if (message.keepset !== version) return refuse("version", `this page speaks version ${version} of the messages`);
    if (!call) return refuse("unknown_call", `there is no call ${JSON.stringify(message.call)}`);
    if (!client) return refuse("no_client", "the page serves no client");
    const value = await call(client, message);
    return { value: value === undefined ? null : plain(value) };
  } catch (error) {
    return error instanceof Refused ? refuse("refused", error.message) : refuse("failed", String(error));
  }
}

class Refused extends Error {}

/** Tells the client of an event, and the app what was wrong with it; it is looked at when this resolves. */
async function track(client: Keepset, { event, properties, at, eventId }: Message): Promise<void> {
  let wrong: string | undefined;
  const off = client.on("error", ({ code, message }) => {
    if (code === "invalid_event" && message.startsWith(String(event))) wrong ??= message;
  });
  const options = { ...(at === undefined ? {} : { at }), ...(eventId === undefined ? {} : { id: eventId }) };
  (client.track as (...call: unknown[]) => void)(event, properties ?? {}, options);
  await client.ledger.budget();
  off();
  if (wrong !== undefined) throw new Refused(wrong);
}

/** The same as JSON can say it: bytes are base64. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value, (_, part: unknown) => (part instanceof Uint8Array ? toBase64(part) : part)));

const refuse = (code: Refusal["code"], message: string): { error: Refusal } => ({ error: { code, message } });
