// A gateway as RFC 9458 and RFC 9292 describe it, with Node's own cryptography: another implementation than the device's and than the
// collector's.
import { createCipheriv, createHmac, generateKeyPairSync, randomBytes } from "node:crypto";

import { receive } from "./hpke.mjs";
import { serve } from "./server.mjs";

const raw = (key, type) => key.export({ format: "der", type }).subarray(-32);
const pair = generateKeyPairSync("x25519");
const privateKey = raw(pair.privateKey, "pkcs8");
const publicKey = raw(pair.publicKey, "spki");

/** The public half, as a pack names it. */
export const GATEWAY = [{ id: 9, public_key: publicKey.toString("hex"), from: "2025-01-01", until: "2031-01-01" }];

const hmac = (key, data) => createHmac("sha256", key).update(data).digest();

/** Opens a request, and says how to seal the answer to it. */
export function decapsulate(request) {
  const [header, encapsulated, sealed] = [request.subarray(0, 7), request.subarray(7, 39), request.subarray(39)];
  const context = receive({ encapsulated, privateKey, publicKey, info: Buffer.concat([Buffer.from("message/bhttp request\0"), header]) });
  const message = context.open(sealed, Buffer.alloc(0));
  const seal = (answer) => {
    const nonce = randomBytes(16);
    const derived = hmac(Buffer.concat([encapsulated, nonce]), context.exported("message/bhttp response", 16));
    const expanded = (label, length) => hmac(derived, Buffer.concat([Buffer.from(label), Buffer.of(1)])).subarray(0, length);
    const cipher = createCipheriv("aes-128-gcm", expanded("key", 16), expanded("nonce", 12));
    return Buffer.concat([nonce, cipher.update(answer), cipher.final(), cipher.getAuthTag()]);
  };
  return { ...request_(message), seal };
}

/** Reads a request of known length; whatever is not as it must be throws. */
function request_(message) {
  let at = 0;
  const number = () => {
    const size = 1 << (message[at] >> 6);
    const value = message.subarray(at, (at += size)).reduce((sum, byte, index) => sum * 256 + (index ? byte : byte & 63), 0);
    return value;
  };
  const part = () => {
    const length = number();
    return message.subarray(at, (at += length));
  };
  if (number() !== 0) throw new Error("no request of known length");
  const [method, scheme, authority, path] = [part(), part(), part(), part()].map(String);
  const section = part();
  const body = part();
  if (part().length > 0 || message.subarray(at).some((byte) => byte !== 0)) throw new Error("something behind the content");
  return { method, url: `${scheme}://${authority}${path}`, fields: section.toString("latin1"), body };
}

const varint = (value) => (value < 64 ? Buffer.of(value) : Buffer.of(0x40 | (value >> 8), value & 255));
const counted = (bytes) => Buffer.concat([varint(bytes.length), bytes]);

/** Writes an answer of known length. */
export function response(status, fields, content) {
  const section = Buffer.concat(Object.entries(fields).flatMap(([name, value]) => [counted(Buffer.from(name)), counted(Buffer.from(value))]));
  return Buffer.concat([Buffer.of(1), varint(status), counted(section), counted(Buffer.from(content)), Buffer.alloc(100)]);
}

const OK = response(200, { "content-type": "application/json" }, '{"accepted":1,"known":0}');

/**
 * Starts one: `requests` holds what came, outside and inside. `answers` are given in order, then "accepted": a message to be sealed, or
 * a function of what came and of how to seal that writes the whole answer.
 */
export async function gateway(answers = []) {
  const requests = [];
  return serve(requests, async (request, out) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const outside = Buffer.concat(chunks);
    const inside = decapsulate(outside);
    requests.push({ method: request.method, url: request.url, headers: request.headers, address: request.socket.remoteAddress, outside, inside });
    const next = answers.shift() ?? OK;
    if (typeof next === "function") return next(out, inside);
    out.writeHead(200, { "content-type": "message/ohttp-res" }).end(inside.seal(next));
  });
}
