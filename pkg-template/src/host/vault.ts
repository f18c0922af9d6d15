import { sameBytes } from "../bytes.js";
import { KeepsetError } from "../errors.js";
import type { Settings } from "../options.js";
import type { StorageAdapter } from "../types.js";
import { indexedStorage } from "./indexed.js";
import { memoryStorage } from "./memory.js";

/** Where a profile is kept, and whether it outlives the page. */
export interface Store {
  storage: StorageAdapter | undefined;
  lasts: boolean;
}

/** What became of a write. `volatile`: nothing can be kept here, so nothing may be charged. */
export type Kept = "kept" | "conflict" | "volatile";

/**
 * The one stored record of a profile: read once, then written only over what was last read or written.
 *
 * When the device's storage fails the profile goes on in memory, but no write is ever called kept: a charge that a
 * reload forgets would let the same window be answered twice.
 */
export class Vault {
  #known: Uint8Array | undefined;
  #broken = false;
  private readonly storage: StorageAdapter | undefined;
  private readonly lasts: boolean;

  constructor(
    { storage, lasts }: Store,
    private readonly key: string,
    private readonly complain: (error: KeepsetError) => void,
  ) {
    this.storage = storage;
    this.lasts = lasts;
    if (!storage) this.#fail(undefined);
  }

  /** Reads the stored bytes; nothing when there are none or they cannot be reached. */
  async load(): Promise<Uint8Array | undefined> {
    if (!this.storage || this.#broken) return undefined;
    try {
      const found = await this.storage.get(this.key);
      if (found !== undefined && !(found instanceof Uint8Array)) throw new TypeError("the storage adapter gave something other than bytes");
      this.#known = found;
    } catch (cause) {
      this.#fail(cause);
    }
    return this.#known;
  }

  /** Writes the next bytes over the ones this vault knows. */
  async write(next: Uint8Array): Promise<Kept> {
    if (!this.storage || this.#broken) return "volatile";
    try {
      if (!(await this.#swap(this.storage, next))) return "conflict";
      this.#known = next;
      return this.lasts ? "kept" : "volatile";
    } catch (cause) {
      this.#fail(cause);
      return "volatile";
    }
  }

  /** Deletes the record and says whether it is gone. */
  async wipe(): Promise<boolean> {
    if (!this.storage) return true;
    try {
      await this.storage.delete(this.key);
      this.#known = undefined;
      return true;
    } catch (cause) {
      this.#fail(cause);
      return false;
    }
  }

  /** What lies in the storage, as far as this vault knows. */
  get known(): Uint8Array | undefined {
    return this.#known;
  }

  async #swap(storage: StorageAdapter, next: Uint8Array): Promise<boolean> {
    const expected = this.#known;
    if (storage.swap) return (await storage.swap(this.key, expected, next)) === true;
    const found = await storage.get(this.key);
    const same = found === undefined ? expected === undefined : expected !== undefined && sameBytes(found, expected);
    if (same) await storage.set(this.key, next);
    return same;
  }

  #fail(cause: unknown): void {
    if (this.#broken) return;
    this.#broken = true;
    const full = (cause as { name?: unknown } | undefined)?.name === "QuotaExceededError";
    const what = full ? "The device's storage is full" : "The device's storage cannot be used";
    this.complain(
      new KeepsetError(full ? "quota_exceeded" : "storage_unavailable", `${what}: segments work until the page closes, and no report is made.`, { cause }),
    );
  }
}

/** Chooses where a profile is kept: nothing when this page may not keep anything. */
export function chooseStorage(chosen: Settings["storage"]): Store {
  if (typeof chosen === "object") return { storage: chosen, lasts: true };
  const inPage = typeof (globalThis as { document?: unknown }).document === "object";
  if (chosen === "memory" || !inPage) return { storage: memoryStorage(), lasts: false };
  try {
    // In a frame without an origin even looking at `indexedDB` throws.
    const factory = (globalThis as { indexedDB?: IDBFactory }).indexedDB;
    return { storage: factory && indexedStorage(factory), lasts: true };
  } catch {
    return { storage: undefined, lasts: false };
  }
}
