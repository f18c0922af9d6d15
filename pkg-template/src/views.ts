// What a page can see of a client before there is an answer, the same on a server and in the page, and the one reading of a snapshot.
import type { ConsentState } from "./dto.js";
import type { Snapshot } from "./types.js";

/** What is shown before there is an answer, on a server always. */
export const UNKNOWN: Snapshot = Object.freeze({ status: "starting", segments: Object.freeze([]), updatedAt: 0 });

/** The choices before any is known. */
export const UNDECIDED: ConsentState = Object.freeze({ segmentation: "pending", storage: "pending", reporting: "pending", sharing: "pending" });

/** Says whether a snapshot holds a segment; `undefined` while the client starts. A client that cannot run is in none. */
export function isIn(snapshot: Snapshot, segment: string): boolean | undefined {
  return snapshot.status === "starting" ? undefined : snapshot.segments.some(({ id }) => id === segment);
}
