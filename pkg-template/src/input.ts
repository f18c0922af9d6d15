import type { Choice, ConsentChange, EventInput, Purpose, Scalar } from "./dto.js";
import { KeepsetError } from "./errors.js";

/** Every purpose a person may agree to. */
export const PURPOSES: readonly Purpose[] = ["segmentation", "storage", "reporting", "sharing"];
/** By their bytes in a label. */
const SIGNALS = ["page", "tcf", "gpp", "gcm"];
/** Events are small facts; a page that sends more has made a mistake, and it should not cost memory. */
const MOST_PROPERTIES = 64;
const LONGEST_TEXT = 4_096;
export const LONGEST_ID = 200;

/** Reads the arguments of `track` and copies them: what the page changes later is not seen. Throws a `KeepsetError` that names the place. */
export function readEvent(name: unknown, properties: unknown, options: unknown, now: number): EventInput {
  if (typeof name !== "string" || name === "" || name.length > 256) throw wrong("the event's name must be a text of 1 to 256 characters");
  const event = { name, properties: readProperties(name, properties), at: now };
  return options === undefined || options === null ? event : { ...event, ...readOptions(name, options, now) };
}

function readProperties(event: string, given: unknown): Record<string, Scalar> {
  if (given === undefined || given === null) return {};
  if (typeof given !== "object" || Array.isArray(given)) throw wrong(`${event}: the properties must be an object`);
  const keys = Object.keys(given);
  if (keys.length > MOST_PROPERTIES) throw wrong(`${event}: an event has at most ${MOST_PROPERTIES} properties`);
  const copy = { ...given } as Record<string, Scalar>;
  for (const key of keys) {
    const value: unknown = copy[key];
    if (value === undefined || value === null) delete copy[key];
    else if (!isScalar(value)) throw wrong(`${event}.${key}: expected a finite number, a text of at most ${LONGEST_TEXT} characters, true or false`);
  }
  return copy;
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value)) || (typeof value === "string" && value.length <= LONGEST_TEXT);
}

function readOptions(event: string, options: object, now: number): { at: number; id?: string } {
  const { at, id } = options as { at?: unknown; id?: unknown };
  const time = at === undefined ? now : at instanceof Date ? at.getTime() : at;
  if (typeof time !== "number" || !Number.isFinite(time)) throw wrong(`${event}: options.at must be a Date or milliseconds since 1970`);
  if (id === undefined || id === null) return { at: Math.floor(time) };
  if (typeof id !== "string" || id === "" || id.length > LONGEST_ID) throw wrong(`${event}: options.id must be a text of 1 to ${LONGEST_ID} characters`);
  return { at: Math.floor(time), id };
}

/** Reads the argument of `consent.set`. Throws a `KeepsetError` that names the place. */
export function readChoice(given: unknown): ConsentChange {
  const rule = 'consent.set() takes an object such as { segmentation: "granted", reporting: "denied" }';
  if (typeof given !== "object" || given === null) throw new KeepsetError("invalid_argument", rule);
  const change: Partial<Record<Purpose, Choice>> = {};
  for (const [purpose, choice] of Object.entries(given)) {
    if (!PURPOSES.includes(purpose as Purpose)) throw new KeepsetError("invalid_argument", `There is no purpose "${purpose}"; there are ${PURPOSES.join(", ")}.`);
    if (choice === undefined) continue;
    if (choice !== "granted" && choice !== "denied") throw new KeepsetError("invalid_argument", `The choice for "${purpose}" must be "granted" or "denied".`);
    change[purpose as Purpose] = choice;
  }
  return change;
}

/** The number of the signal by which a choice came; whatever is none of them is the page's word. */
export const readSignal = (given: unknown): number => Math.max(SIGNALS.indexOf(given as string), 0);

function wrong(message: string): KeepsetError {
  return new KeepsetError("invalid_event", message);
}
