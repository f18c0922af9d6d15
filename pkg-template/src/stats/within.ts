import type { OwnStorage } from "../host/indexed.js";

/** A store that takes no value beyond so many bytes, and says it as a full disk does. */
export function within(most: number, storage: OwnStorage): OwnStorage {
  const held = new Map<string, number>();
  const fit = async <T>(key: string, size: number, write: () => Promise<T>): Promise<T> => {
    if (size > most) throw Object.assign(new Error(`The budget of this page is ${most} bytes; the profile has ${size}.`), { name: "QuotaExceededError" });
    const done = await write();
    if (done !== false) held.set(key, size);
    return done;
  };
  const { set, swap, append, letGo } = storage;
  return {
    async get(key) {
      const found = await storage.get(key);
      held.set(key, found?.length ?? 0);
      return found;
    },
    delete: (key) => (held.delete(key), storage.delete(key)),
    ...(letGo && { letGo }),
    ...(set && { set: (key: string, value: Uint8Array) => fit(key, value.length, () => set.call(storage, key, value)) }),
    ...(swap && { swap: (key: string, expected: Uint8Array | undefined, next: Uint8Array) => fit(key, next.length, () => swap.call(storage, key, expected, next)) }),
    ...(append && { append: (key: string, last: Uint8Array, bytes: Uint8Array) => fit(key, (held.get(key) ?? 0) + bytes.length, () => append.call(storage, key, last, bytes)) }),
  };
}
