"use client";
// `keepset/react`: a client in React, on the server too: what is shown first is the same on both sides, and nothing is subscribed twice.
import {
  createContext,
  createElement,
  type ReactNode,
  useCallback,
  useContext,
  useSyncExternalStore,
} from "react";

import type { ConsentState, Membership } from "../dto.js";
import { KeepsetError } from "../errors.js";
import { followed } from "../followed.js";
import type { Consent, Keepset, SegmentId, Snapshot } from "../types.js";
import { isIn, UNDECIDED, UNKNOWN } from "../views.js";

const Context = createContext<Keepset | null>(null);

/** What `KeepsetProvider` takes. */
export interface KeepsetProviderProps {
  /** What `init` returned. It is the page's: the provider neither starts nor destroys it. */
  client: Keepset;
  children?: ReactNode;
}

/** Hands a client to everything inside. */
export function KeepsetProvider({ client, children }: KeepsetProviderProps): ReactNode {
  return createElement(Context.Provider, { value: client }, children);
}

/**
 * Returns the client of the nearest `KeepsetProvider`.
 *
 * Throws a `KeepsetError` with the code `invalid_argument` when there is none.
 */
export function useKeepset(): Keepset {
  const client = useContext(Context);
  if (client) return client;
  throw new KeepsetError("invalid_argument", "There is no <KeepsetProvider client={…}> around this component.");
}

/** Returns the segments now, and how far the client is; the same object until something changes. */
export function useSnapshot(): Snapshot {
  const client = useKeepset();
  return useSyncExternalStore(
    useCallback((tell) => client.subscribe(tell), [client]),
    () => client.getSnapshot(),
    () => UNKNOWN,
  );
}

/** Returns the segments the device is in. */
export function useSegments(): readonly Membership[] {
  return useSnapshot().segments;
}

/**
 * Says whether the device is in a segment: `undefined` while that is not known, on the server and until the engine is there.
 * Show for `undefined` what may stay for either answer, and nothing flickers.
 */
export function useSegment(segment: SegmentId): boolean | undefined {
  return isIn(useSnapshot(), segment);
}

/** Returns the person's choices and what changes them. */
export function useConsent(): readonly [ConsentState, Consent["set"]] {
  const client = useKeepset();
  const state = useSyncExternalStore(
    useCallback((tell) => followed(client, tell), [client]),
    () => client.consent.get(),
    () => UNDECIDED,
  );
  return [state, client.consent.set];
}

/** What `IfSegment` takes. */
export interface IfSegmentProps {
  segment: SegmentId;
  /** Shown to who is in the segment. */
  children?: ReactNode;
  /** Shown to who is not. */
  otherwise?: ReactNode;
  /** Shown while it is not known. */
  pending?: ReactNode;
}

/** Shows one thing to who is in a segment, another to who is not, and a third until that is known. */
export function IfSegment({ segment, children, otherwise, pending }: IfSegmentProps): ReactNode {
  const answer = useSegment(segment);
  return answer === undefined ? pending : answer ? children : otherwise;
}
