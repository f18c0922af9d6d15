/** Reads a report's bytes in the page itself, so that the ledger shows what left and not what somebody says left. */

import { hex } from "./words.js";

/** The parts of a report, in order, with their lengths in bytes; the answer is the rest. */
const parts = [["version", 1], ["plan", 16], ["question", 2], ["epoch", 4], ["id", 16]];

/** The cells an answer has room for, by its kind (docs/questions.md). */
function room({ ask = "sizes", segments = [], cap = 0, bins, cuts }) {
  switch (ask) {
    case "histogram": return 2 * (bins + 1);
    case "mean": return 32;
    case "conversion": return 2 * segments.length + 1;
    case "calibration": return 2 * (cuts.length + 1) + 1;
    default: return segments.length + cap;
  }
}

/** What each cell of an answer stands for. */
function cellNames(question) {
  const { ask = "sizes", segments = [], cap = 0, cuts = [] } = question;
  const groups = ask === "calibration" ? Array.from({ length: cuts.length + 1 }, (_, index) => `band ${index + 1}`) : segments;
  switch (ask) {
    case "histogram":
    case "mean": return Array.from({ length: room(question) }, (_, index) => `output ${index + 1}`);
    case "conversion":
    case "calibration": return [...groups.flatMap((group) => [`${group}: no`, `${group}: yes`]), "none of these"];
    default: return [...segments, ...Array.from({ length: cap }, (_, index) => `none of these (${index + 1})`)];
  }
}

/** Splits a report into `{ name, bytes }`. */
export function split(body) {
  let from = 0;
  const pieces = parts.map(([name, length]) => ({ name, bytes: body.subarray(from, (from += length)) }));
  return [...pieces, { name: "answer", bytes: body.subarray(from) }];
}

/** Reads every field of a report of `plan`; the answer becomes one entry per cell, in the plan's order. */
export function decode(plan, body) {
  const piece = Object.fromEntries(split(body).map(({ name, bytes }) => [name, bytes]));
  const question = plan.questions[number(piece.question)];
  const names = question ? cellNames(question) : [];
  return {
    version: number(piece.version),
    plan: hex(piece.plan).join(""),
    question: question?.id ?? "unknown",
    epoch: number(piece.epoch),
    id: hex(piece.id).join(""),
    cells: names.map((name, cell) => ({ name, none: name.startsWith("none of these"), on: ((piece.answer[cell >> 3] >> (cell & 7)) & 1) === 1 })),
  };
}

/** Where the segments stand in a message about labels: behind its version, kind, terms, name, days, signal and pack. */
const LABELS_FROM = 75;

/** Reads the segments out of a message about labels under these terms. */
export function decodeLabels({ segments }, body) {
  return segments.map(({ id }, index) => ({ name: id, on: ((body[LABELS_FROM + (index >> 3)] >> (index & 7)) & 1) === 1 }));
}

const number = (bytes) => bytes.reduce((sum, byte) => sum * 256 + byte, 0);
