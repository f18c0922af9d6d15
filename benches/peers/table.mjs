// The figures as Markdown: the workloads beside each other, what each subject does, and which targets hold.
import { targets } from "./targets.mjs";
import { peersBeside } from "./install.mjs";

const PLACES = ["node", "chromium"];
const NAMES = { node: "Node", chromium: "Chromium" };

/** Milliseconds as microseconds with three figures. */
export function micros(ms) {
  const us = ms * 1000;
  return us >= 100 ? Math.round(us).toLocaleString("en") : us.toPrecision(us >= 0.995 ? 3 : 2);
}

/** A ratio with two figures, or whole. */
export function times(ratio) {
  return `${ratio >= 10 ? Math.round(ratio).toLocaleString("en") : ratio.toPrecision(2)}×`;
}

const level = (rows, name) => rows?.find((row) => row.level === name);

/** What a row costs over one of Keepset's levels: the client by the mean, for its saving falls on some events only. */
export const over = { engine: (row, rows) => row.median / level(rows, "engine").median, client: (row, rows) => row.mean / level(rows, "client").mean };

function cells(row, rows) {
  if (!row) return HEAD.map(() => "–");
  const ratios = ["engine", "client"].map((base) => (row.level === base ? "1" : times(over[base](row, rows))));
  return [row.median, row.p95, row.p99, row.mean].map(micros).concat(ratios);
}

const HEAD = ["median", "p95", "p99", "mean", "÷ engine", "÷ client"];

function peersTable(chosen, results) {
  const lines = [
    `| workload | per event, µs | ${PLACES.flatMap((place) => HEAD.map((head, n) => (n === 0 ? `${NAMES[place]}: ${head}` : head))).join(" | ")} |`,
    `| --- | --- |${" ---: |".repeat(12)}`,
  ];
  for (const { id } of chosen.filter(({ id }) => !id.startsWith("S2"))) {
    const found = results.get(id);
    const names = (found.node ?? found.chromium).map(({ name }) => name);
    for (const [n, name] of names.entries()) {
      const of = (place) => cells(found[place]?.find((row) => row.name === name), found[place]);
      lines.push(`| ${n === 0 ? id : ""} | ${name.startsWith("Keepset") ? `**${name}**` : name} | ${PLACES.flatMap(of).join(" | ")} |`);
    }
  }
  return lines;
}

function curve(id, title, found) {
  const lines = [`| ${id}: ${title} | Node: median | p95 | p99 | ÷ first | Chromium: median | p95 | p99 | ÷ first |`, `| --- |${" ---: |".repeat(8)}`];
  for (const [n, { name }] of (found.node ?? found.chromium).entries()) {
    const of = (place) => {
      const row = found[place]?.[n];
      return row ? [micros(row.median), micros(row.p95), micros(row.p99), times(row.median / found[place][0].median)] : ["–", "–", "–", "–"];
    };
    lines.push(`| ${name} | ${PLACES.flatMap(of).join(" | ")} |`);
  }
  return lines;
}

/** How far the rounds of one subject were apart, as the measure of how quiet the machine was. */
function unrest(results) {
  const each = [...results].flatMap(([id, found]) =>
    PLACES.flatMap((place) => (found[place] ?? []).map((row) => ({ ratio: row.highest / row.lowest, where: `${id}, ${row.name.split(":")[0]}, ${NAMES[place]}` }))),
  );
  each.sort((a, b) => a.ratio - b.ratio);
  const worst = each.at(-1);
  return `Between rounds a median moved by ${times(each[each.length >> 1].ratio)} in the middle case and ${times(worst.ratio)} in the worst (${worst.where}).`;
}

/** Everything, as it stands in docs/benchmarks.md. */
export function report(chosen, results, machine) {
  const asked = Object.entries(peersBeside(import.meta.url).versions).map(([name, version]) => `\`${name}\` ${version}`).join(", ");
  const where = [`Node ${machine.node.slice(1)}`, ...(machine.browser ? [`headless Chromium ${machine.browser}`] : [])].join(" and ");
  const checks = targets(results);
  const groups = Math.max(1, ...chosen.flatMap(({ id }) => (results.get(id).chromium ?? []).map(({ group }) => group)));
  return [
    `${where}, ${machine.cores} cores (${machine.processor}). Microseconds per event. “÷ engine” is the median over that of Keepset's engine, “÷ client” the`,
    "mean over that of its client, whose saving falls on some events only; both in the same run and place.",
    `Peers: ${asked}.`,
    "",
    ...peersTable(chosen, results),
    "",
    ...chosen.filter(({ id }) => id.startsWith("S2")).flatMap(({ id, title }) => [...curve(id, title, results.get(id)), ""]),
    ...(checks.length > 0 ? ["| target | measured | held |", "| --- | --- | --- |", ...checks.map(({ target, measured, held }) => `| ${target} | ${measured} | ${held ? "yes" : "**no**"} |`), ""] : []),
    "What each does per event:",
    "",
    ...chosen.flatMap(({ id, title, notes }) => [`- **${id}**, ${title}.`, ...notes.map((note) => `  - ${note}`)]),
    "- *Engine* is one call into the wasm, with the event converted and the changes read, nothing stored. *Client* is `track()` and a turn of",
    "  the event loop. A client takes an event in before the next turn, but in a rush, such as this is, it takes those of 4 ms together: its median is that of an",
    "  event that waits, its p95 and p99 those of a turn in which many are taken in, and its mean, in which no work is left out, is what is compared.",
    "  What a turn costs with nothing to do is measured in the same round and taken off",
    `  (${machine.turns.join(", ")}), for peers are measured without one. It saves into a store in memory in Node and into IndexedDB in Chromium, where it also joins the tabs of the site.`,
    "- Every subject gets the same seeded events in interleaved rounds, warmed up on an instance of its own before the first, and its answers are compared with",
    "  ones computed from the list of events, ten times a round with the clock stopped.",
    `- Chromium's clock steps by 5 µs, so there a sample is as many events in a row as last 100 µs (${groups} at most);`,
    "  its p95 and p99 are those of such samples. In Node a sample is one event.",
    `- ${unrest(results)}`,
  ].join("\n");
}
