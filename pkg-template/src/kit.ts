// What an engine is made of, and the parts that are loaded when they are asked for.
import type { Profiles } from "./profile.js";

/** What is due and could not be done is tried again after this while. */
export const LOOK_AGAIN_MS = 60_000;

/** The mechanism, the making of labels, and their randomness: the glue of the report part. */
export type Report = typeof import("./report.js");

/** What a page needs seldom: the glue of the study part. */
export type Study = typeof import("./study.js");

/** Instances of the modules, which the engines of a page share: when one engine stops in them, none enters them again. */
export class Instances {
  /** They are in no known state. */
  broken = false;
  /** Tells each engine that is in them. */
  readonly inside = new Set<(error: unknown) => void>();

  /** An engine threw something other than a refusal: a trap, or an exception of the page's own functions. */
  break(error: unknown): void {
    this.broken = true;
    this.inside.forEach((leave) => leave(error));
  }
}

/** What engines are made of, whatever their pack. */
export interface Parts {
  readonly instances: Instances;
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
