// `keepset/prebid`: segments as first-party user data of Prebid.js, the ones named and only while the person shares them.
import type { Unsubscribe } from "../emitter.js";
import { followLabels } from "../labels.js";
import type { Keepset, SegmentId } from "../types.js";

/** Which segments go into bid requests, and in whose name. */
export interface PrebidOptions {
  /** The segments that may be handed on; as an object, each with the id that stands for it there. No other ever is. */
  segments: readonly SegmentId[] | { readonly [S in SegmentId]?: string };
  /** Who says so: `ortb2.user.data[].name`, as a rule the site's domain. */
  name: string;
  /** The taxonomy the ids are of: `ortb2.user.data[].ext.segtax`. */
  segtax?: number;
  /** Aborting is the same as calling the returned function. */
  signal?: AbortSignal;
}

interface Data {
  name?: string;
  segment?: readonly { id: string }[];
  ext?: { segtax?: number };
}
interface FirstParty {
  user?: { data?: readonly Data[] };
}
interface Prebid {
  que?: { push(command: () => void): unknown };
  getConfig?(key: "ortb2"): FirstParty | undefined;
  setConfig?(config: { ortb2: FirstParty }): unknown;
}

/**
 * Keeps one entry of the page's first-party data at the segments the device is in, and takes it out when there is none or `sharing` is
 * not granted; what others put there stays. It may be called before Prebid is loaded. Never throws; the returned function ends
 * it and takes the entry out.
 */
export function prebidSegments(client: Keepset, options: PrebidOptions): Unsubscribe {
  const page = globalThis as { pbjs?: Prebid };
  return followLabels(
    client,
    options?.segments,
    (labels) => {
      const pbjs = (page.pbjs ??= {});
      (pbjs.que ??= []).push(() => configure(page.pbjs ?? pbjs, options, labels));
    },
    options?.signal,
  );
}

function configure(pbjs: Prebid, { name, segtax }: PrebidOptions, labels: readonly string[]): void {
  const ortb2 = pbjs.getConfig?.("ortb2") ?? {};
  const others = (ortb2.user?.data ?? []).filter((data) => data.name !== name);
  const own: Data = { name, segment: labels.map((id) => ({ id })), ...(segtax === undefined ? {} : { ext: { segtax } }) };
  pbjs.setConfig?.({ ortb2: { ...ortb2, user: { ...ortb2.user, data: labels.length > 0 ? [...others, own] : others } } });
}
