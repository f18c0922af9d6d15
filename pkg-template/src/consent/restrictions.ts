// What a publisher restricts vendors to, in the form in which TCF's interface gives it.

/** The vendors' restrictions by purpose. */
export type Restrictions = { [purpose: number]: { [vendor: number]: number } };

/** Joins restrictions; what is restricted twice is restricted to nothing. */
export function restrictionsOf(list: readonly (readonly [purpose: number, type: number, vendors: readonly number[]])[]): Restrictions {
  const joined: Restrictions = {};
  for (const [purpose, type, vendors] of list) {
    const known = (joined[purpose] ??= {});
    for (const vendor of vendors) known[vendor] = vendor in known ? 0 : type;
  }
  return joined;
}
