// What is stored: pieces, one behind the other. The first holds the engine's whole state, each further one what changed
// since, and every piece says which calls of which tabs it adds.
//
//   version u8 | length of the list u16 | length of the bytes u32, both big-endian | the list as JSON | the bytes
//
// Version 1 was a single piece without the second length: its bytes went to the end.

const VERSION = 2;
const HEADER = 7;
const HEADER_1 = 3;
/** So many tabs are remembered; a tab that waits for an answer is among the last. */
const MOST_TABS = 16;

/** A tab and its last call. */
export type Entry = readonly [from: string, id: number];

/** The last call of each tab that a snapshot holds. */
export class Seen {
  readonly #last = new Map<string, number>();
  /** What the stored record does not say yet. */
  readonly #fresh = new Map<string, number>();

  constructor(entries: Iterable<Entry> = []) {
    for (const [from, id] of entries) this.add(from, id);
    this.#fresh.clear();
  }

  /** Says whether the snapshot holds a call. */
  has(from: string, id: number): boolean {
    return id <= (this.#last.get(from) ?? 0);
  }

  /** Notes that it does. */
  add(from: string, id: number): void {
    this.#last.delete(from);
    this.#last.set(from, id);
    this.#fresh.set(from, id);
    for (const oldest of this.#last.keys()) {
      if (this.#last.size <= MOST_TABS) break;
      this.#last.delete(oldest);
    }
  }

  /** The tabs and their last calls, for the next piece: all of them, or those of which the pieces before do not know. */
  take(all: boolean): Entry[] {
    const entries = [...(all ? this.#last : this.#fresh)];
    this.#fresh.clear();
    return entries;
  }
}

/** Writes a piece. */
export function encode(bytes: Uint8Array, entries: readonly Entry[]): Uint8Array {
  const list = new TextEncoder().encode(JSON.stringify(entries));
  const piece = new Uint8Array(HEADER + list.length + bytes.length);
  const view = new DataView(piece.buffer);
  view.setUint8(0, VERSION);
  view.setUint16(1, list.length);
  view.setUint32(3, bytes.length);
  piece.set(list, HEADER);
  piece.set(bytes, HEADER + list.length);
  return piece;
}

/** A record taken apart. */
export interface Record {
  /** What the engine starts from. */
  readonly snapshot: Uint8Array;
  readonly seen: Seen;
  /** The last piece; none when nothing may be put behind it. */
  readonly last: Uint8Array | undefined;
}

/**
 * Takes a record apart. A last piece cut short is left out, as the engine leaves out a section cut short. What is no
 * record is handed on as a snapshot, which the engine then calls unreadable.
 */
export function decode(record: Uint8Array): Record {
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  const entries: Entry[] = [];
  const parts: Uint8Array[] = [];
  let last: Uint8Array | undefined;
  try {
    const first = view.getUint8(0) === 1;
    const header = first ? HEADER_1 : HEADER;
    for (let at = 0; at < record.length; ) {
      if (!first && view.getUint8(at) !== VERSION) throw new Error();
      const start = at + header + view.getUint16(at + 1);
      const end = first ? record.length : start + view.getUint32(at + 3);
      last = undefined;
      if (end > record.length) break;
      for (const [from, id] of JSON.parse(new TextDecoder().decode(record.subarray(at + header, start))) as Entry[]) entries.push([String(from), Number(id)]);
      parts.push(record.subarray(start, end));
      if (!first) last = record.subarray(at, end);
      at = end;
    }
  } catch (error) {
    // Reading beyond the end is a piece cut short within its header; anything else is damage.
    if (!(error instanceof RangeError)) parts.length = 0;
    last = undefined;
  }
  if (parts.length === 0) return { snapshot: record, seen: new Seen(), last: undefined };
  return { snapshot: join(parts), seen: new Seen(entries), last };
}

/** Puts byte strings one behind the other. */
export function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
