// What an engine is made of, and the parts that are loaded when they are asked for.
import type { Profiles } from "./profile.js";

/** What is due and could not be done is tried again after this while. */
export const LOOK_AGAIN_MS = 60_000;

/** The mechanism, the making of labels, and their randomness: the glue of the report part. */
export type Report = typeof import("./report.js");

/** What a page needs seldom: the glue of the study part. */
export type Study = typeof import("./study.js");

/** What engines are made of, whatever their pack. */
export interface Parts {
  readonly Profile: Profiles;
  /** Loads the report part, once. */
  readonly openReport: () => Promise<Report>;
  /** Loads the study part, once. */
  readonly openStudy: () => Promise<Study>;
}

/** What one engine is made of. */
export interface Kit extends Parts {
  /** Compiled. */
  readonly pack: Uint8Array;
}
