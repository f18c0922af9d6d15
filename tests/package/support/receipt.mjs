// A second implementation of receipts, written from docs/ledger.md alone: it shares no code with what it checks.
import { createHash } from "node:crypto";

/** The SHA-256 of bytes, one part behind the other. */
export const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();

function number(value) {
  const bytes = [];
  let rest = BigInt(value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

const instant = (milliseconds) => number(2n * BigInt(milliseconds));
const text = (value) => Buffer.concat([number(Buffer.byteLength(value)), Buffer.from(value)]);
const hex = (value) => Buffer.from(value, "hex");
const gate = ({ choice, since }) => Buffer.concat([Buffer.from([["granted", "denied", "pending"].indexOf(choice)]), instant(since)]);

/** The bytes of a receipt. */
export function bytes(entry) {
  const { segmentation, storage, reporting, sharing } = entry.consent;
  return Buffer.concat([
    number(entry.number),
    instant(entry.at),
    Buffer.from([["report", "label", "erasure"].indexOf(entry.kind)]),
    Buffer.from([["segmentation", "storage", "reporting", "sharing"].indexOf(entry.purpose)]),
    hex(entry.plan),
    hex(entry.pack),
    text(entry.question),
    number(entry.window),
    text(entry.mechanism),
    number(Math.round(entry.epsilon * 1e6)),
    ...[segmentation, storage, reporting, sharing].map(gate),
    hex(entry.sha256),
    number(entry.size),
    hex(entry.before),
  ]);
}

/** The hash of a receipt, in hexadecimal. */
export const hashOf = (entry) => sha256("keepset receipt 1", bytes(entry)).toString("hex");

/** The SHA-256 of bytes, in hexadecimal. */
export const sumOf = (body) => sha256(body).toString("hex");
