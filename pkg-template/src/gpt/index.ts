// `keepset/gpt`: segments as key-values of Google Publisher Tag, the ones named and only while the person shares them.
import type { Unsubscribe } from "../emitter.js";
import { followLabels } from "../labels.js";
import type { Keepset, SegmentId } from "../types.js";

/** Which segments go to the ad server, under which key. */
export interface GptOptions {
  /** The segments that may be handed on; as an object, each with the value that stands for it there. No other ever is. */
  segments: readonly SegmentId[] | { readonly [S in SegmentId]?: string };
  /** The key, `"keepset"` when left out. */
  key?: string;
  /** Aborting is the same as calling the returned function. */
  signal?: AbortSignal;
}

interface Tag {
  cmd?: { push(command: () => void): unknown };
  setConfig?(config: { targeting: Record<string, string[] | null> }): unknown;
  pubads?(): { setTargeting(key: string, values: string[]): unknown; clearTargeting(key: string): unknown };
}

/**
 * Keeps a key-value of the page at the segments the device is in, and clears it when there is none or `sharing` is not granted.
 * It may be called before the tag is loaded. Never throws; the returned function ends it and clears the key.
 */
export function gptTargeting(client: Keepset, options: GptOptions): Unsubscribe {
  const key = options?.key ?? "keepset";
  const page = globalThis as { googletag?: Tag };
  return followLabels(
    client,
    options?.segments,
    (labels) => {
      const tag = (page.googletag ??= {});
      (tag.cmd ??= []).push(() => target(page.googletag ?? tag, key, [...labels]));
    },
    options?.signal,
  );
}

function target(tag: Tag, key: string, labels: string[]): void {
  if (tag.setConfig) return void tag.setConfig({ targeting: { [key]: labels.length > 0 ? labels : null } });
  // The form of tags before 2025.
  const ads = tag.pubads?.();
  if (labels.length > 0) ads?.setTargeting(key, labels);
  else ads?.clearTargeting(key);
}
