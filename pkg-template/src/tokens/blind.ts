// A token of type 2 (RFC 9578, section 6), blinded here with RSABSSA-SHA384-PSS-Deterministic (RFC 9474) over whole numbers of JavaScript.
//
// Nothing here takes the same time whatever the numbers: the key is public, the nonce goes to the collector as it is, and the blinding factor is
// drawn for one request and gone after it. Whoever can measure this page sees the page.
import { toHex } from "../bytes.js";

/** Bytes of a modulus, of a hash, and of a salt. */
const MODULUS = 256;
const HASH = 48;
/** RSASSA-PSS with SHA-384 and a salt of 48 bytes: so long is a key of 2048 bits, and its exponent 65537 stands at the end. */
const KEY = 342;
const EXPONENT = 65_537n;

type Bytes = Uint8Array<ArrayBuffer>;

/** A request for a token, and what makes a token of the answer. */
export interface Asked {
  /** What is posted. */
  readonly request: Bytes;
  /** Makes the token; nothing when the answer is no signature of this key over this very token. */
  finish(response: Uint8Array): Bytes | undefined;
}

/** What is drawn for a token. */
export interface Drawn {
  readonly nonce: Bytes;
  readonly salt: Bytes;
  /** A factor below the modulus, when it is called again another one. */
  factor(): Bytes;
}

/** Fails where there is no source of chance: then there is no token. */
const draw = (length: number): Bytes => crypto.getRandomValues(new Uint8Array(length));
const chance = (): Drawn => ({ nonce: draw(32), salt: draw(HASH), factor: () => draw(MODULUS) });

/** Asks for a token that answers this challenge, signed with this key. Throws where there is no chance, no SHA-384, or no such key. */
export async function ask(key: Uint8Array, challenge: Uint8Array, { nonce, salt, factor } = chance()): Promise<Asked> {
  if (key.length !== KEY || number(key.subarray(-3)) !== EXPONENT) throw new TypeError("not a key of 2048 bits for tokens");
  const n = number(key.subarray(-5 - MODULUS, -5));
  const id = await digest(256, key);
  const signed = join([0, 2], nonce, await digest(256, challenge), id);
  const padded = number(await pad(signed, salt));
  let [blind, back]: (bigint | undefined)[] = [];
  // The other draws are one in a thousand for a modulus of 2048 bits, and of factors that are not coprime there is none to be met.
  while (back === undefined || blind === undefined || blind >= n) back = inverse((blind = number(factor())), n);
  const request = join([0, 2, id[31] as number], bytes((padded * power(blind, n)) % n));
  const unblind = back;
  return {
    request,
    finish(response) {
      const signature = (number(response) * unblind) % n;
      // What was padded here comes out again, and nothing else does: the same as verifying the token (RFC 8017, section 8.1.2).
      return response.length === MODULUS && power(signature, n) === padded ? join(signed, bytes(signature)) : undefined;
    },
  };
}

/** The challenge of an issuer for an origin (RFC 9577, section 2.1.1): the same for everybody. */
export function challengeOf(issuer: string, origin: string): Bytes {
  const text = (value: string): Bytes => {
    const encoded = new TextEncoder().encode(value);
    return join([encoded.length >> 8, encoded.length & 255], encoded);
  };
  return join([0, 2], text(issuer), [0], text(origin));
}

/** EMSA-PSS-ENCODE (RFC 8017, section 9.1.1) for 2047 bits. */
async function pad(message: Bytes, salt: Bytes): Promise<Bytes> {
  const hash = await digest(384, join(new Uint8Array(8), await digest(384, message), salt));
  const block = join(new Uint8Array(MODULUS - 2 * HASH - 2), [1], salt);
  for (let counter = 0; counter * HASH < block.length; counter += 1) {
    const mask = await digest(384, join(hash, [0, 0, 0, counter]));
    mask.forEach((byte, at) => counter * HASH + at < block.length && ((block[counter * HASH + at] as number) ^= byte));
  }
  (block[0] as number) &= 127;
  return join(block, hash, [188]);
}

const digest = async (bits: number, of: Uint8Array): Promise<Bytes> => new Uint8Array(await crypto.subtle.digest(`SHA-${bits}`, of as Bytes));

/** `base ** 65537 % n`: sixteen squares and one product. */
function power(base: bigint, n: bigint): bigint {
  let square = base;
  for (let times = 0; times < 16; times += 1) square = (square * square) % n;
  return (square * base) % n;
}

/** What times `value` is 1 below `n`, by Euclid; nothing when they have a factor in common. */
function inverse(value: bigint, n: bigint): bigint | undefined {
  let [before, now, x, y] = [n, value % n, 0n, 1n];
  while (now) [before, now, x, y] = [now, before % now, y, x - (before / now) * y];
  return before === 1n ? ((x % n) + n) % n : undefined;
}

function join(...parts: ArrayLike<number>[]): Bytes {
  return Uint8Array.from(parts.flatMap((part) => Array.from(part)));
}

const number = (of: Uint8Array): bigint => BigInt(`0x${toHex(of) || 0}`);
const bytes = (of: bigint): Bytes => Uint8Array.from(of.toString(16).padStart(2 * MODULUS, "0").match(/../g) ?? [], (pair) => parseInt(pair, 16));
