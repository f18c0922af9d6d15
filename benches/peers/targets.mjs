// What Keepset promises about its speed, held against this run.
import { micros, over, times } from "./table.mjs";

const engineOf = (rows) => rows.find(({ level }) => level === "engine");

/** Over the fastest peer in Chromium: the engine is the like part, the client does all that and saves. */
function ahead(results, id, least) {
  const rows = results.get(id)?.chromium;
  if (!rows) return [];
  return ["engine", "client"].map((level) => {
    const [first] = rows.filter(({ peer }) => peer).map(({ name, ...row }) => ({ name, ratio: over[level](row, rows) })).sort((a, b) => a.ratio - b.ratio);
    return { target: `${id}, Chromium, ${level}: at least ${least} times less than the fastest peer`, measured: `${times(first.ratio)} (${first.name})`, held: first.ratio >= least };
  });
}

function perEvent(results, id) {
  const rows = results.get(id)?.node;
  if (!rows) return [];
  const { median, p99 } = engineOf(rows);
  return [
    { target: `${id}, Node, engine: p50 at most 10 µs`, measured: `${micros(median)} µs`, held: median * 1000 <= 10 },
    { target: `${id}, Node, engine: p99 at most 60 µs`, measured: `${micros(p99)} µs`, held: p99 * 1000 <= 60 },
  ];
}

/** Flat: the last of the curve costs at most half more than the first. */
function flat(results, id, what) {
  const rows = results.get(id)?.node;
  if (!rows) return [];
  const ratio = rows.at(-1).median / rows[0].median;
  return [{ target: `${id}, Node: flat over ${what} (at most 1.5×)`, measured: times(ratio), held: ratio <= 1.5 }];
}

/** Every target this run can speak to. */
export function targets(results) {
  return [
    ...perEvent(results, "S1a"),
    ...perEvent(results, "S1b"),
    ...ahead(results, "W1", 20),
    ...ahead(results, "W2", 3),
    ...ahead(results, "W3", 20),
    ...ahead(results, "W4", 20),
    ...flat(results, "S2a", "10 to 1,000 declared segments"),
    ...flat(results, "S2b", "1,000 to 1,000,000 past events"),
  ];
}
