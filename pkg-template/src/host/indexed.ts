import { sameBytes } from "../bytes.js";
import type { StorageAdapter } from "../types.js";

const STORE = "profile";

/**
 * Keeps each value in an IndexedDB database of its own, so that deleting it leaves nothing behind.
 *
 * Reading never creates a database: before consent a site's storage stays empty.
 */
export function indexedStorage(factory: IDBFactory): StorageAdapter {
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
  async function transact<T>(key: string, create: boolean, mode: IDBTransactionMode, work: Work<T>): Promise<T | undefined> {
    for (let attempt = 0; ; attempt += 1) {
      const db = await connect(key, create);
      if (!db) return undefined;
      try {
        return await run(db, mode, work);
      } catch (error) {
        open.delete(key);
        db.close();
        if (attempt > 0 || (error as DOMException)?.name === "QuotaExceededError") throw error;
      }
    }
  }

  return {
    get: (key) => transact<Uint8Array | undefined>(key, false, "readonly", (store, done) => read(store, key, done)),
    set: async (key, value) => {
      await transact<void>(key, true, "readwrite", (store, done) => {
        store.put(value, key);
        done();
      });
    },
    swap: async (key, expected, next) => {
      const swapped = await transact<boolean>(key, true, "readwrite", (store, done) =>
        read(store, key, (found) => {
          const same = found === undefined ? expected === undefined : expected !== undefined && sameBytes(found, expected);
          if (same) store.put(next, key);
          done(same);
        }),
      );
      return swapped === true;
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

function read(store: IDBObjectStore, key: string, done: (value: Uint8Array | undefined) => void): void {
  const request = store.get(key);
  // Anything but bytes is not ours, or broken: bytes that no snapshot starts with say so to the engine.
  request.onsuccess = () => {
    const found: unknown = request.result;
    done(found === undefined || found instanceof Uint8Array ? found : new Uint8Array(0));
  };
}

function run<T>(db: IDBDatabase, mode: IDBTransactionMode, work: Work<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    // A charge must be on disk, not only in the browser's cache, before its report is handed out.
    const transaction = db.transaction(STORE, mode, { durability: "strict" });
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
