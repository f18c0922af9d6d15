// What is stored: the engine's snapshot, and which calls of which tabs it already holds.
//
//   version u8 | length of the list u16, big-endian | the list as JSON | the snapshot

const VERSION = 1;
const HEADER = 3;
/** So many tabs are remembered; a tab that waits for an answer is among the last. */
const MOST_TABS = 16;

/** The last call of each tab that a snapshot holds. */
export class Seen {
  readonly #last = new Map<string, number>();

  constructor(entries: Iterable<readonly [string, number]> = []) {
    for (const [from, id] of entries) this.add(from, id);
  }

  /** Says whether the snapshot holds a call. */
  has(from: string, id: number): boolean {
    return id <= (this.#last.get(from) ?? 0);
  }

  /** Notes that it does. */
  add(from: string, id: number): void {
    this.#last.delete(from);
    this.#last.set(from, id);
    for (const oldest of this.#last.keys()) {
      if (this.#last.size <= MOST_TABS) break;
      this.#last.delete(oldest);
    }
  }

  /** The tabs and their last calls. */
  entries(): [string, number][] {
    return [...this.#last];
  }
}

/** Joins a snapshot and its list. */
export function encode(snapshot: Uint8Array, seen: Seen): Uint8Array {
  const list = new TextEncoder().encode(JSON.stringify(seen.entries()));
  const record = new Uint8Array(HEADER + list.length + snapshot.length);
  record.set([VERSION, list.length >> 8, list.length & 0xff]);
  record.set(list, HEADER);
  record.set(snapshot, HEADER + list.length);
  return record;
}

/** Takes a record apart. What is no record is handed on as a snapshot, which the engine then calls unreadable. */
export function decode(record: Uint8Array): { snapshot: Uint8Array; seen: Seen } {
  const [version, high = 0, low = 0] = record;
  const end = HEADER + high * 256 + low;
  if (version !== VERSION || end > record.length) return { snapshot: record, seen: new Seen() };
  try {
    const list: unknown = JSON.parse(new TextDecoder().decode(record.subarray(HEADER, end)));
    return { snapshot: record.slice(end), seen: new Seen((list as [string, number][]).map(([from, id]) => [String(from), Number(id)])) };
  } catch {
    return { snapshot: record, seen: new Seen() };
  }
}
