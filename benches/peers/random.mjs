// The same events in every run, in Node and in the browser: a seeded generator, no `Math.random`.

/** Returns a function that draws whole numbers below its argument (xorshift, 32 bits). */
export function dice(seed) {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** A list that grows as it is read, so that every subject sees the same n-th item however far it goes. */
export function endless(make) {
  const items = [];
  return (n) => {
    while (items.length <= n) items.push(make(items.length, items.at(-1)));
    return items[n];
  };
}
