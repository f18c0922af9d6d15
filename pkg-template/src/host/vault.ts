import { KeepsetError } from "../errors.js";
import type { Settings } from "../options.js";
import { decode, join } from "../record.js";
import { indexedStorage, type OwnStorage } from "./indexed.js";
import { swapIn } from "./swap.js";

/** Where a profile is kept: `none` when it shall only live as long as the page, `undefined` when this page may keep nothing. */
export type Store = OwnStorage | "none" | undefined;

/** What became of a write. `volatile`: nothing can be kept here, so nothing may be charged. */
export type Kept = "kept" | "conflict" | "volatile";

/**
 * The one stored record of a profile: read once, then written only over or behind what was last read or written.
 *
 * When the device's storage fails the profile goes on in memory, but no write is ever called kept: a charge that a
 * reload forgets would let the same window be answered twice.
 */
export class Vault {
  /** What lies in the storage, in the parts it was read and written in. */
  #known: Uint8Array[] = [];
  /** The last piece of it; absent when nothing may be put behind it. */
  #last: Uint8Array | undefined;
  #storage: OwnStorage | undefined;
  #broken = false;

  constructor(
    store: Store,
    private readonly key: string,
    private readonly complain: (error: KeepsetError) => void,
  ) {
    if (store === undefined) this.#fail(undefined);
    else if (store !== "none") this.#storage = store;
  }

  /** Says whether writing is of any use. */
  get usable(): boolean {
    return this.#storage !== undefined && !this.#broken;
  }

  /** Reads the stored bytes; nothing when there are none or they cannot be reached. */
  async load(): Promise<Uint8Array | undefined> {
    if (!this.#storage || this.#broken) return undefined;
    try {
      const found = await this.#storage.get(this.key);
      if (found !== undefined && !(found instanceof Uint8Array)) throw new TypeError("the storage adapter gave no bytes");
      this.#known = found ? [found] : [];
      this.#last = found && decode(found).last;
      return found;
    } catch (cause) {
      this.#fail(cause);
      return this.known;
    }
  }

  /** Writes a piece over the ones this vault knows, or behind them. */
  async write(piece: Uint8Array, behind: boolean): Promise<Kept> {
    if (!this.#storage || this.#broken) return "volatile";
    try {
      const writing = behind ? this.#append(this.#storage, piece) : this.#swap(this.#storage, piece);
      // Known from now on, so that a page that is being left can put more behind it; after a conflict it is read again.
      this.#known = behind ? [...this.#known, piece] : [piece];
      this.#last = piece;
      return (await writing) ? "kept" : "conflict";
    } catch (cause) {
      this.#fail(cause);
      return "volatile";
    }
  }

  /** Deletes the record and says whether it is gone. */
  async wipe(): Promise<boolean> {
    if (!this.#storage) return true;
    try {
      await this.#storage.delete(this.key);
      this.#known = [];
      this.#last = undefined;
      return true;
    } catch (cause) {
      this.#fail(cause);
      return false;
    }
  }

  /** Lets go of what holds the storage open. */
  letGo(): void {
    this.#storage?.letGo?.();
  }

  /** What lies in the storage, as far as this vault knows. */
  get known(): Uint8Array | undefined {
    if (this.#known.length > 1) this.#known = [join(this.#known)];
    return this.#known[0];
  }

  async #append(storage: OwnStorage, piece: Uint8Array): Promise<boolean> {
    if (storage.append && this.#last) return (await storage.append(this.key, this.#last, piece)) === true;
    return this.#swap(storage, join([...this.#known, piece]));
  }

  #swap(storage: OwnStorage, next: Uint8Array): Promise<boolean> {
    return swapIn(storage, this.key, this.known, next);
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

/** Chooses where a profile is kept. */
export function chooseStorage(chosen: Settings["storage"]): Store {
  if (typeof chosen === "object") return chosen;
  const inPage = typeof (globalThis as { document?: unknown }).document === "object";
  if (chosen === "memory" || !inPage) return "none";
  try {
    // In a frame without an origin even looking at `indexedDB` throws.
    const factory = (globalThis as { indexedDB?: IDBFactory }).indexedDB;
    return factory && indexedStorage(factory);
  } catch {
    return undefined;
  }
}
