import type { StorageAdapter } from "../types.js";

/** Keeps values only as long as the page or the process lives. */
export function memoryStorage(): StorageAdapter {
  const values = new Map<string, Uint8Array>();
  return {
    get: (key) => Promise.resolve(values.get(key)?.slice()),
    set: (key, value) => {
      values.set(key, value.slice());
      return Promise.resolve();
    },
    delete: (key) => {
      values.delete(key);
      return Promise.resolve();
    },
  };
}
