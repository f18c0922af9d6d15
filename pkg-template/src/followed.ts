import type { Unsubscribe } from "./emitter.js";
import type { Keepset } from "./types.js";

/** Calls back whenever the segments or the choices may have changed: with an answer of the engine, and with what another tab or an earlier visit chose. */
export function followed(client: Keepset, tell: () => void): Unsubscribe {
  const leave = [client.subscribe(tell), client.consent.onChange(tell)];
  return () => leave.forEach((off) => off());
}
