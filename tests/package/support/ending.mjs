// What ends with a test file, also where an assertion failed before its test came to end it: a server left open, or a browser, would hang the file.
import { after } from "node:test";

const open = new Set();

// Programs that are no tests, such as the benches, end what they start themselves. One hook of the file: within a test or another
// hook, Node would run it when that is over.
if (/\.test\.mjs$/.test(process.argv[1] ?? "")) after(() => Promise.allSettled([...open].map((close) => close())));

/** Returns what closes something, called at the end of the file at the latest, and once. */
export function ending(close) {
  let closed;
  const once = () => {
    open.delete(once);
    return (closed ??= close());
  };
  open.add(once);
  return once;
}
