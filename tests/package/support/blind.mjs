// What the device blinds with, from its source, so that a test can say what it draws; and the oracle beside it.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { tools } from "./installed.mjs";

const require = createRequire(join(tools, "any.js"));
const source = join(tools, "../src/tokens/blind.ts");

const { outputFiles } = await require("esbuild").build({ entryPoints: [source], bundle: true, format: "esm", write: false, target: "node20" });
export const { ask, challengeOf } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);

/** Another implementation of RFC 9474. */
export const { RSABSSA } = await import(pathToFileURL(require.resolve("@cloudflare/blindrsa-ts")).href);

export const hex = (of) => Buffer.from(of).toString("hex");
export const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
export const number = (of) => BigInt(`0x${hex(of)}`);

/** A key as WebCrypto takes it: it knows no RSASSA-PSS in a `SubjectPublicKeyInfo`. */
export function webKey(spki) {
  const text = (part) => Buffer.from(part).toString("base64url");
  const jwk = { kty: "RSA", n: text(spki.subarray(-261, -5)), e: text(spki.subarray(-3)), ext: true };
  return crypto.subtle.importKey("jwk", jwk, { name: "RSA-PSS", hash: "SHA-384" }, true, ["verify"]);
}

/** `base ** exponent % modulus`. */
export function power(base, exponent, modulus) {
  let [result, square] = [1n, base % modulus];
  for (let left = exponent; left; left >>= 1n) {
    if (left & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}
