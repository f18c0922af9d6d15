// AirGrid EdgeKit is archived and not on npm, so this is no measurement of it: it is the arithmetic such a library does,
// written plainly. At each page view every audience is asked again about every stored page view.

/** An audience is met by more than `occurrences` page views whose logistic score passes the threshold. */
export function allViewsAgain({ models, views, before, occurrences, threshold }) {
  const met = (seen) => models.flatMap(({ id, weights, bias }) => (seen.filter((x) => score(weights, bias, x) > threshold).length > occurrences ? [id] : []));
  return {
    name: "stand-in for EdgeKit: every audience over all stored views",
    peer: true,
    start() {
      const seen = Array.from({ length: before }, (_, n) => views(n));
      let inside = [];
      return {
        step(n) {
          // The number of stored views stays: the oldest goes.
          seen.shift();
          seen.push(views(before + n));
          inside = met(seen);
        },
        answer: () => inside,
        truth: (n) => met(Array.from({ length: before }, (_, k) => views(n + 1 + k))),
      };
    },
  };
}

function score(weights, bias, x) {
  let sum = bias;
  for (let k = 0; k < weights.length; k += 1) sum += weights[k] * x[k];
  return 1 / (1 + Math.exp(-sum));
}

/** The floor: what Keepset is asked, running sums and one score of each model, written by hand. */
export function runningSums({ models, views, before, truth }) {
  return {
    name: "floor: running sums and one score per model, by hand",
    kind: "floor",
    start() {
      const sums = new Float64Array(models[0].weights.length);
      const ready = models.map(({ id, weights, limit }) => ({ id, weights: Float64Array.from(weights), limit }));
      for (let n = 0; n < before; n += 1) add(sums, views(n));
      let inside = [];
      return {
        step(n) {
          add(sums, views(before + n));
          inside = over(ready, sums);
        },
        answer: () => inside,
        truth,
      };
    },
  };
}

function add(sums, x) {
  for (let k = 0; k < sums.length; k += 1) sums[k] += x[k];
}

function over(models, sums) {
  const ids = [];
  for (const { id, weights, limit } of models) {
    let sum = 0;
    for (let k = 0; k < weights.length; k += 1) sum += weights[k] * sums[k];
    if (sum >= limit) ids.push(id);
  }
  return ids;
}
