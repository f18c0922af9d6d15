// What frameworks show of a client: the same first answer on a server and in the page, and the same reading of a snapshot.
import type { ConsentState } from "./dto.js";
import type { Unsubscribe } from "./emitter.js";
import type { Keepset, Snapshot } from "./types.js";

/** What is shown before there is an answer, on a server always. */
export const UNKNOWN: Snapshot = Object.freeze({ status: "starting", segments: Object.freeze([]), updatedAt: 0 });

/** The choices before any is known. */
export const CLOSED: ConsentState = Object.freeze({ segmentation: "pending", storage: "pending", reporting: "pending", sharing: "pending" });

/** Says whether a snapshot holds a segment; `undefined` while the client starts. A client that cannot run is in none. */
export function isIn(snapshot: Snapshot, segment: string): boolean | undefined {
  return snapshot.status === "starting" ? undefined : snapshot.segments.some(({ id }) => id === segment);
}

/** Calls back whenever the choices may have changed: with an answer of the engine, and with what another tab or an earlier visit chose. */
export function followed(client: Keepset, tell: () => void): Unsubscribe {
  const leave = [client.subscribe(tell), client.consent.onChange(tell)];
  return () => leave.forEach((off) => off());
}
