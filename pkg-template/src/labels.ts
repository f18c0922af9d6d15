// The segments a person lets a page hand to others: named one by one, and only while `sharing` is granted.
import { endedBy, safely, surface, type Unsubscribe } from "./emitter.js";
import { KeepsetError } from "./errors.js";
import { followed } from "./followed.js";
import type { Keepset } from "./types.js";

/** What may be handed on: segments, or the words to hand on in their place. */
export type Labels = readonly string[] | { readonly [segment: string]: string | undefined };

/**
 * Calls `hand` with the labels of the segments that the device is in, whenever they change, beginning with none. Without the
 * person's consent to `sharing` there are none, and what was handed on is taken back; so it is when the following ends.
 */
export function followLabels(client: Keepset, labels: Labels, hand: (labels: readonly string[]) => void, signal?: AbortSignal): Unsubscribe {
  let named: readonly (readonly [string, string])[];
  try {
    named = read(labels);
  } catch (error) {
    surface(error);
    return () => undefined;
  }
  let handed = "";
  const give = (found: readonly string[]): void => {
    const key = found.join("\n");
    if (key === handed) return;
    handed = key;
    safely(() => hand(found));
  };
  const look = (): void => {
    const shared = client.consent.get().sharing === "granted";
    give(shared ? named.filter(([segment]) => client.has(segment as never)).map(([, label]) => label) : []);
  };
  if (signal?.aborted) return () => undefined;
  const leave = followed(client, look);
  const stop = endedBy(signal, () => {
    leave();
    give([]);
  });
  look();
  return stop;
}

function read(labels: Labels): readonly (readonly [string, string])[] {
  const pairs = Array.isArray(labels) ? labels.map((segment: unknown) => [segment, segment]) : Object.entries(labels ?? {});
  const text = (word: unknown): boolean => typeof word === "string" && /^[\w.-]{1,40}$/.test(word);
  if (pairs.length === 0 || !pairs.flat().every(text)) throw new KeepsetError("invalid_options", "options.segments must name the segments that may be handed on, in 1 to 40 letters, digits, dots, dashes or underscores each.");
  return pairs as [string, string][];
}
