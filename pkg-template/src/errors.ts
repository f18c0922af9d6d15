/** Every way Keepset can fail, as a stable word: act on the code, show the message. */
export type ErrorCode =
  | "invalid_options"
  | "invalid_event"
  | "invalid_argument"
  | "too_many_calls"
  | "pack_load_failed"
  | "pack_invalid"
  | "wasm_unsupported"
  | "wasm_load_failed"
  | "csp_blocked"
  | "engine_crashed"
  | "storage_unavailable"
  | "storage_corrupt"
  | "quota_exceeded"
  | "no_entropy"
  | "no_key"
  | "network"
  | "collector_rejected"
  | "over_budget"
  | "aborted"
  | "destroyed";

/** The one error of this package: a stable code, a sentence, where to read more, and what caused it. */
export class KeepsetError extends Error {
  override readonly name = "KeepsetError";
  /** The stable word to act on. */
  readonly code: ErrorCode;
  /** Where this code is explained, inside the package. */
  readonly docs: string;
  /** How many calls it is about, where it is about several. */
  readonly count?: number;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown; count?: number }) {
    // The two-argument form of `Error` is younger than the oldest browsers we promise.
    super(message);
    this.code = code;
    this.docs = `keepset/docs/errors.md#${code}`;
    if (options?.count !== undefined) this.count = options.count;
    if (options?.cause !== undefined) (this as { cause?: unknown }).cause = options.cause;
  }
}

/** Says whether a value is an error of this package, also when two copies of it are loaded. */
export function isKeepsetError(value: unknown): value is KeepsetError {
  return value instanceof Error && value.name === "KeepsetError" && typeof (value as KeepsetError).code === "string";
}

/** Gives a refusal of the engine, which has a code, its place among ours; anything else stays what it is. */
export function fromEngine(error: unknown, code: ErrorCode, where = ""): unknown {
  const refusal = error instanceof Error && typeof (error as { code?: unknown }).code === "string";
  return refusal && !(error instanceof KeepsetError) ? new KeepsetError(code, where + error.message) : error;
}

/** What is left to say when the engine failed in a way it should not have. */
export function crashed(cause: unknown): KeepsetError {
  return new KeepsetError("engine_crashed", "The engine stopped in a way it should not have.", { cause });
}
