// What every entry exports beside its functions.
export { type ErrorCode, isKeepsetError, KeepsetError } from "./errors.js";
export type * from "./dto.js";
export type { Unsubscribe } from "./emitter.js";
export type * from "./types.js";
