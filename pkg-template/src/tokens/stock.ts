// What is kept of tokens: those that wait, and those that a report holds on to until it is answered.
import type { OwnStorage } from "../host/indexed.js";

/** A token that waits. */
export interface Kept {
  /** As it is sent. */
  readonly token: string;
  /** Before then it is not used, so that it cannot be known by the moment it was fetched. */
  readonly from: number;
  /** From then on its key is over. */
  readonly until: number;
}

/** Everything that is kept. */
export interface Held {
  /** Those that wait, the oldest first. */
  waiting: Kept[];
  /** Which token a report has, by the hash of the report's bytes. */
  paid: Record<string, string>;
  /** Before then none is fetched. */
  fetch: number;
}

const TRIES = 5;

/** The stock in a storage: every change is written over what was read, and only over that, so that no two tabs use one token. */
export class Stock {
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly storage: OwnStorage,
    private readonly key: string,
  ) {}

  /** Reads what is kept, lets `change` change it, and writes it; throws when it cannot be kept. */
  change<T>(change: (held: Held) => T): Promise<T> {
    const work = this.#last.then(() => this.#change(change));
    this.#last = work.catch(() => {});
    return work;
  }

  /** Reads what is kept. */
  async read(): Promise<Held> {
    return parse(await this.storage.get(this.key));
  }

  /** Deletes all of it. */
  erase(): Promise<void> {
    const work = this.#last.then(() => this.storage.delete(this.key));
    this.#last = work.catch(() => {});
    return work;
  }

  async #change<T>(change: (held: Held) => T): Promise<T> {
    const { storage, key } = this;
    for (let tries = 0; tries < TRIES; tries += 1) {
      const found = await storage.get(key);
      const held = parse(found);
      const made = change(held);
      const next = new TextEncoder().encode(JSON.stringify(held));
      if (!storage.swap) return await storage.set?.(key, next), made;
      if (await storage.swap(key, found, next)) return made;
    }
    throw new Error("tokens: another tab was faster each time");
  }
}

/** What cannot be read is nothing: those tokens are lost, and others are fetched. */
function parse(found: Uint8Array | undefined): Held {
  try {
    const held = JSON.parse(new TextDecoder().decode(found)) as Held;
    if (Array.isArray(held.waiting) && held.paid && held.fetch >= 0) return held;
  } catch {
    // Nothing was kept.
  }
  return { waiting: [], paid: {}, fetch: 0 };
}
