import { sameRecord } from "../bytes.js";
import type { OwnStorage } from "./indexed.js";

/** Puts a record in the place of the one that is expected, and says whether that was there. A storage that cannot by itself is read, and written then. */
export async function swapIn(storage: OwnStorage, key: string, expected: Uint8Array | undefined, next: Uint8Array): Promise<boolean> {
  if (storage.swap) return (await storage.swap(key, expected, next)) === true;
  const same = sameRecord(await storage.get(key), expected);
  if (same) await storage.set?.(key, next);
  return same;
}
