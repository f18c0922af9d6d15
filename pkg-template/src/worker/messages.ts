// What a page and the worker that holds its engine say to each other.
import type { Report } from "../dto.js";
import type { ErrorCode } from "../errors.js";
import type { Notice, Signed, View } from "../ops.js";
import type { Options } from "../types.js";

/** The options of a client that can cross: no functions, and every address whole. */
export interface Crossing extends Pick<Options, "pack" | "collector" | "relay" | "storage" | "wasm" | "name"> {
  /** The page named an engine as JavaScript: the worker takes the one beside it. */
  readonly js?: boolean;
}

/** What only the page knows, with every message: how far its clock is ahead, and Global Privacy Control. */
export interface Around {
  readonly ahead: number;
  readonly privacy: unknown;
}

/** To the worker. */
export type Down =
  | { is: "open"; options: Crossing }
  | { is: "call"; id: number; call: Signed }
  | { is: "hold"; held: boolean }
  /** The page's answer to what was asked before something leaves. */
  | { is: "confirmed"; id: number; yes: boolean }
  | { is: "wake" | "settle" | "leave" | "close" | "ping" };

/** To the page. */
export type Up =
  /** The script runs. */
  | { is: "hello" }
  | { is: "open"; notice: Told }
  | { is: "reply"; id: number; value?: unknown; error?: Failure }
  | { is: "notice"; notice: Notice }
  | { is: "failed"; error: Failure }
  /** Something is to leave: the page knows who confirms it. */
  | { is: "confirm"; id: number; purpose: Report["purpose"] }
  | { is: "pong" };

/** A view whose steps are made: a function does not cross. */
export type Told = Extract<Notice, { is: "view" }> & { readonly view: View };

/** An error as it crosses. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
}
