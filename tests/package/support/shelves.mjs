// Stores for the tests that look at every write: what lies in them, what it cost, and what a crash in between leaves.

/** Joins bytes. */
export const joined = (...parts) => Uint8Array.from(parts.flatMap((part) => [...part]));

const same = (a, b) => a === b || (a !== undefined && b !== undefined && Buffer.compare(a, b) === 0);

/**
 * A store that lasts and counts: `value`, the `writes` in order as `[how, bytes]`. `behind` gives it a method to append;
 * `before` runs before every write and may throw, or return "torn" to have the write fail after half of it was done.
 */
export function countingShelf({ behind = true, before = () => undefined } = {}) {
  const shelf = {
    value: undefined,
    writes: [],
    get: async () => shelf.value?.slice(),
    set: async (_, next) => void (shelf.value = next.slice()),
    delete: async () => void (shelf.value = undefined),
    swap: async (_, expected, next) => {
      await before("swap", next);
      if (!same(shelf.value, expected)) return false;
      shelf.writes.push(["swap", next.length]);
      shelf.value = next.slice();
      return true;
    },
  };
  if (!behind) return shelf;
  return Object.assign(shelf, {
    append: async (_, last, bytes) => {
      const torn = await before("append", bytes);
      if (!shelf.value || !same(shelf.value.slice(-last.length), last)) return false;
      shelf.writes.push(["append", bytes.length]);
      shelf.value = joined(shelf.value, torn === "torn" ? bytes.slice(0, bytes.length >> 1) : bytes);
      if (torn === "torn") throw new Error("the disk failed in the middle");
      return true;
    },
  });
}
