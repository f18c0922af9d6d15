/** Reads a report's bytes in the page itself, so that the ledger shows what left and not what somebody says left. */

import { hex } from "./words.js";

/** The parts of a report, in order, with their lengths in bytes; the answer is the rest. */
const parts = [["version", 1], ["plan", 16], ["question", 2], ["epoch", 4], ["id", 16]];

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
  const names = question ? [...question.segments, ...Array.from({ length: question.cap }, (_, index) => `none of these (${index + 1})`)] : [];
  return {
    version: number(piece.version),
    plan: hex(piece.plan).join(""),
    question: question?.id ?? "unknown",
    epoch: number(piece.epoch),
    id: hex(piece.id).join(""),
    cells: names.map((name, cell) => ({ name, none: cell >= question.segments.length, on: ((piece.answer[cell >> 3] >> (cell & 7)) & 1) === 1 })),
  };
}

const number = (bytes) => bytes.reduce((sum, byte) => sum * 256 + byte, 0);
