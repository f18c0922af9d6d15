import type { StorageAdapter } from "../types.js";

/** A storage that lasts as long as whoever made it. */
export function shelf(): StorageAdapter {
  const values = new Map<string, Uint8Array>();
  return {
    get: async (key) => values.get(key)?.slice(),
    set: async (key, value) => void values.set(key, value.slice()),
    delete: async (key) => void values.delete(key),
  };
}
