// The chi-square test, and the law of SetSelect written down a second time, from the paper and not from the source.

/** The probability that chi-square with `freedom` degrees of freedom is at least `x`. */
export function tail(x, freedom) {
  const a = freedom / 2;
  const z = x / 2;
  const front = Math.exp(a * Math.log(z) - z - logGamma(a));
  if (z < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; n < 10_000; n += 1) sum += term *= z / (a + n);
    return 1 - front * sum;
  }
  // Lentz's continued fraction.
  let b = z + 1 - a;
  let c = 1e300;
  let d = 1 / b;
  let fraction = d;
  for (let n = 1; n < 10_000; n += 1) {
    const step = -n * (n - a);
    b += 2;
    d = 1 / (step * d + b);
    c = b + step / c;
    fraction *= d * c;
  }
  return front * fraction;
}

function logGamma(a) {
  // Stirling's series after lifting the argument above 20: twelve digits.
  let shift = 0;
  let x = a;
  for (; x < 20; x += 1) shift += Math.log(x);
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * x) - 1 / (360 * x ** 3) - shift;
}

/** The p-value of counts (by key) against probabilities (by key); a key that cannot occur makes it 0. */
export function fit(counts, law) {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  if ([...counts.keys()].some((key) => !law.has(key))) return 0;
  let x = 0;
  for (const [key, probability] of law) x += ((counts.get(key) ?? 0) - total * probability) ** 2 / (total * probability);
  return tail(x, law.size - 1);
}

/** All sets of `size` cells out of `cells`, as bit masks. */
export function subsets(cells, size) {
  const all = [];
  for (let mask = 0; mask < 2 ** cells; mask += 1) if (ones(mask) === size) all.push(mask);
  return all;
}

/** The number of ones of a mask. */
export function ones(mask) {
  let count = 0;
  for (let rest = mask; rest > 0; rest &= rest - 1) count += 1;
  return count;
}

/** The law of an answer: a set is e^epsilon times likelier when it shares at least `tau` cells with the device's own. */
export function law({ cells, size, tau, own, epsilon }) {
  const weights = subsets(cells, size).map((mask) => [mask, ones(mask & own) >= tau ? Math.exp(epsilon) : 1]);
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
  return new Map(weights.map(([mask, weight]) => [mask, weight / total]));
}

/** How likely a cell of one's own and another cell are in an answer, by adding up the law. */
export function channel({ cells, size, tau, cap, epsilon }) {
  const own = 2 ** cap - 1;
  const probability = (bit) => [...law({ cells, size, tau, own, epsilon })].reduce((sum, [mask, p]) => sum + (mask & bit ? p : 0), 0);
  return { p: probability(1), q: probability(2 ** (cells - 1)) };
}

/** The set size and threshold with the smallest variance, as device and collector must both choose them. */
export function shape({ segments, cap, epsilon }) {
  const share = cap === 1 ? 1 / (segments + 1) : 0.05;
  const cells = segments + cap;
  let best = { variance: Infinity };
  for (let size = 1; size <= segments; size += 1) {
    for (let tau = 1; tau <= Math.min(cap, size); tau += 1) {
      const { p, q } = channel({ cells, size, tau, cap, epsilon });
      const variance = (q * (1 - q) + share * (p - q) * (1 - p - q)) / (p - q) ** 2;
      // The same value up to rounding is a tie, which the smaller size wins.
      if (variance < best.variance * (1 - 1e-12)) best = { variance, size, tau, p, q };
    }
  }
  return { ...best, cells };
}
