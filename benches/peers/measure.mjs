// Interleaved rounds: in each, every subject gets the same events; its samples of all rounds are put together.

/** A sample lasts at least this many steps of the clock, or the clock would be all it shows. */
const STEPS = 20;

/** Every subject is warmed up for this long before the first round, or for this many events when it is quick. */
const WARM_UP_MS = 400;
const MOST_WARM_UP = 10_000;

/** How often a turn stops its clock to compare the answer with the truth. */
const CHECKS = 10;

/** The smallest step of this clock, in milliseconds. */
export function clockStep() {
  let smallest = Infinity;
  for (let n = 0; n < 2_000; n += 1) {
    const start = performance.now();
    let end = performance.now();
    while (end === start) end = performance.now();
    smallest = Math.min(smallest, end - start);
  }
  return smallest;
}

const rank = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];

/** What a turn of the event loop costs with nothing to do: the median of a hundred times twenty. */
export async function emptyTurn(turn) {
  const times = [];
  while (times.length < 100) {
    const start = performance.now();
    for (let n = 0; n < 20; n += 1) await turn();
    times.push((performance.now() - start) / 20);
  }
  return rank(times.sort((a, b) => a - b), 0.5);
}

/** Does the steps `from` until `to`; a promise only where the subject has something to wait for. */
function steps(run, from, to) {
  if (run.waits) return waited(run, from, to);
  for (let n = from; n < to; n += 1) run.step(n);
  return undefined;
}

async function waited(run, from, to) {
  for (let n = from; n < to; n += 1) await run.step(n);
}

/** Lets the compilers of the runtime do their work, on an instance of its own so that the measured ones start alike. */
async function warmUp(subject, host, ready) {
  ready(MOST_WARM_UP);
  const run = await subject.start(host);
  const end = performance.now() + WARM_UP_MS;
  for (let n = 0; n < MOST_WARM_UP && performance.now() < end; n += 20) await steps(run, n, n + 20);
  await run.stop?.();
}

/** One subject's turn: brought to its place, measured, and its answer compared with the truth. A sample is of the `least` events, or more. */
async function turn(subject, run, { warm, samples, ready, least = 1 }, step, from) {
  globalThis.gc?.();
  const begun = performance.now();
  await steps(run, from, from + warm);
  const each = (performance.now() - begun) / warm;
  const group = Math.max(least, Math.ceil((STEPS * step) / each));
  // Making the events is nobody's work, nor is a turn with nothing to do: whatever a page does, it does in one.
  const empty = run.turn ? await emptyTurn(run.turn) : 0;
  ready(from + warm + samples * group);
  const times = [];
  let next = from + warm;
  let spent = 0;
  while (times.length < samples) {
    const start = performance.now();
    for (const end = Math.min(samples, times.length + samples / CHECKS); times.length < end; next += group) {
      const before = performance.now();
      const done = steps(run, next, next + group);
      if (done) await done;
      times.push((performance.now() - before) / group - empty);
    }
    // What was put off is done before the clock stops.
    await run.rest?.();
    spent += performance.now() - start;
    await run.drain?.();
    compare(subject.name, await run.answer(), run.truth(next - 1));
  }
  return { times, mean: spent / (samples * group) - empty, group, next };
}

function compare(name, answer, truth) {
  const [found, right] = [answer, truth].map((ids) => [...ids].sort().join(" "));
  if (found !== right) throw new Error(`${name} gave another answer: ${found || "none"}, not ${right || "none"}`);
}

/** Measures a workload and returns a row for each subject. */
export async function measure(workload, host, note) {
  const step = clockStep();
  const subjects = workload.subjects(host);
  const kept = new Map(subjects.map((subject) => [subject, { times: [], means: [], medians: [], group: 1, next: 0 }]));
  const live = new Map();
  for (const subject of subjects) {
    if (workload.once) live.set(subject, await subject.start(host));
    else await warmUp(subject, host, workload.ready);
  }
  for (let round = 0; round < workload.rounds; round += 1) {
    // Each round begins with another subject, so that none always comes first or after the same one.
    const order = subjects.map((_, n) => subjects[(n + round) % subjects.length]);
    for (const subject of order) {
      const all = kept.get(subject);
      const run = live.get(subject) ?? (await subject.start(host));
      const { times, mean, group, next } = await turn(subject, run, workload, step, workload.once ? all.next : 0);
      all.times.push(...times);
      all.means.push(mean);
      all.medians.push(rank(times.sort((a, b) => a - b), 0.5));
      Object.assign(all, { group: Math.max(all.group, group), next });
      if (!workload.once) await run.stop?.();
    }
    note?.(`${workload.id}: round ${round + 1} of ${workload.rounds}`);
  }
  for (const run of live.values()) await run.stop?.();
  return subjects.map((subject) => ({ name: subject.name, level: subject.level, peer: subject.peer, kind: subject.kind, ...summary(kept.get(subject)) }));
}

function summary({ times, means, medians, group }) {
  times.sort((a, b) => a - b);
  return {
    median: rank(times, 0.5),
    p95: rank(times, 0.95),
    p99: rank(times, 0.99),
    mean: rank(means.sort((a, b) => a - b), 0.5),
    lowest: Math.min(...medians),
    highest: Math.max(...medians),
    samples: times.length,
    group,
  };
}
