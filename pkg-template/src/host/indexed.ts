import { endsWith, sameRecord } from "../bytes.js";
import { join } from "../record.js";
import type { StorageAdapter } from "../types.js";

const STORE = "profile";

/** A page's adapter, or ours, which only writes over or behind what is known and can let go of what it holds open. */
export type OwnStorage = Omit<StorageAdapter, "set"> & Partial<Pick<StorageAdapter, "set">> & { letGo?(): void };

/**
 * Keeps each value in an IndexedDB database of its own, so that deleting it leaves nothing behind: what was written whole
 * under its key, and what was put behind it under `[1]`, `[2]` and so on, which come after every text.
 *
 * Reading never creates a database: before consent a site's storage stays empty.
 */
export function indexedStorage(factory: IDBFactory): OwnStorage {
  const open = new Map<string, Promise<IDBDatabase | undefined>>();

  /** Opens the database of a key; `undefined` when there is none and `create` does not ask for one. */
  function connect(key: string, create: boolean): Promise<IDBDatabase | undefined> {
    const known = open.get(key);
    if (known) return known.then((db) => db ?? (create ? reconnect(key, true) : undefined));
    return reconnect(key, create);
  }

  function reconnect(key: string, create: boolean): Promise<IDBDatabase | undefined> {
    const opening = openDatabase(factory, key, create);
    open.set(key, opening);
    const forget = (): void => {
      if (open.get(key) === opening) open.delete(key);
    };
    opening.then((db) => {
      if (!db) return forget();
      db.onclose = forget;
      // Another tab deletes the database: standing in its way would keep the data alive.
      db.onversionchange = () => {
        forget();
        db.close();
      };
    }, forget);
    return opening;
  }

  /** Runs one transaction. A connection lost in the background, as WebKit's are, is opened again once. */
  async function transact<T>(key: string, create: boolean, how: How, work: Work<T>): Promise<T | undefined> {
    for (let attempt = 0; ; attempt += 1) {
      const db = await connect(key, create);
      if (!db) return undefined;
      try {
        return await run(db, how, work);
      } catch (error) {
        open.delete(key);
        db.close();
        if (attempt > 0 || (error as DOMException)?.name === "QuotaExceededError") throw error;
      }
    }
  }

  return {
    get: (key) => transact<Uint8Array | undefined>(key, false, READ, read),
    // Open connections would keep their clients alive. A moment later, so that what was begun before still gets its transaction.
    letGo: () => setTimeout(() => open.forEach((opening) => opening.then((db) => db?.close(), () => 0))),
    swap: async (key, expected, next) => {
      const swapped = await transact<boolean>(key, true, WRITE, (store, done) =>
        read(store, (found) => {
          const same = sameRecord(found, expected);
          if (same) replace(store, key, next);
          done(same);
        }),
      );
      return swapped === true;
    },
    append: async (key, last, bytes) => {
      const appended = await transact<boolean>(key, true, APPEND, (store, done) => {
        const request = store.openCursor(null, "prev");
        request.onsuccess = () => {
          const cursor = request.result;
          const found: unknown = cursor?.value;
          const same = found instanceof Uint8Array && endsWith(found, last);
          if (same) store.put(bytes, [Array.isArray(cursor?.key) ? Number(cursor.key[0]) + 1 : 1]);
          done(same);
        };
      });
      return appended === true;
    },
    delete: async (key) => {
      const db = await open.get(key)?.catch(() => undefined);
      open.delete(key);
      db?.close();
      await settle(factory.deleteDatabase(databaseName(key)));
    },
  };
}

/** Uses a store inside a transaction; what it gives to `done` is the transaction's result once it is committed. */
type Work<T> = (store: IDBObjectStore, done: (value: T) => void) => void;

const databaseName = (key: string): string => `keepset:${key}`;

/** A transaction's mode and how safe it is before it is called committed. */
type How = readonly [IDBTransactionMode, IDBTransactionDurability];
const READ: How = ["readonly", "relaxed"];
// A charge must be on disk, not only in the browser's cache, before its report is handed out.
const WRITE: How = ["readwrite", "strict"];
// What is put behind never holds a charge. It outlives the page and the browser; a power cut may cost its last events.
const APPEND: How = ["readwrite", "relaxed"];

function replace(store: IDBObjectStore, key: string, value: Uint8Array): void {
  store.clear();
  store.put(value, key);
}

function read(store: IDBObjectStore, done: (value: Uint8Array | undefined) => void): void {
  const request = store.getAll();
  request.onsuccess = () => {
    const found: unknown[] = request.result;
    const parts = found.filter((part) => part instanceof Uint8Array);
    // Anything but bytes is not ours, or broken: bytes that no snapshot starts with say so to the engine.
    done(found.length === 0 ? undefined : join(parts.length < found.length ? [] : parts));
  };
}

function run<T>(db: IDBDatabase, [mode, durability]: How, work: Work<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const transaction = db.transaction(STORE, mode, { durability });
    let result: T;
    transaction.oncomplete = () => resolve(result);
    transaction.onabort = () => reject(transaction.error ?? new DOMException("The transaction was aborted", "AbortError"));
    work(transaction.objectStore(STORE), (value) => {
      result = value;
      // Not left to the browser: a page that is being left gives up what it has not been told to commit.
      transaction.commit?.();
    });
  });
}

function openDatabase(factory: IDBFactory, key: string, create: boolean): Promise<IDBDatabase | undefined> {
  return new Promise((resolve, reject) => {
    const request = factory.open(databaseName(key), 1);
    let absent = false;
    request.onupgradeneeded = () => {
      if (create) request.result.createObjectStore(STORE);
      else {
        // There was none. Giving up the upgrade takes back the empty database that opening made.
        absent = true;
        request.transaction?.abort();
      }
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => (absent ? resolve(undefined) : reject(request.error));
  });
}

function settle(request: IDBOpenDBRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve();
    request.onerror = () => reject(request.error);
    // `blocked` is not the end: the request goes on when the other tabs have closed, as ours do on `versionchange`.
  });
}
