// A copy of a profile as the site's server keeps it: encrypted and authenticated on the device, under a key that lies in a cookie of the device alone.
//
//   version u8 | number u32 | nonce, 12 bytes | AES-256-GCM of (length u32 | record | zeros), its tag behind
//
// The version, the number and the profile's name are authenticated with it. Lengths are rounded up, so that they tell little of what was done.

const VERSION = 1;
const HEADER = 5;
const NONCE = 12;
/** What is encrypted is as long as a multiple of this. */
const BLOCK = 4_096;

/** A copy that was opened. */
export interface Opened {
  /** Its number: a later copy has a larger one. */
  readonly number: number;
  readonly record: Uint8Array;
}

/** Encrypts a record. */
export async function seal(secret: Uint8Array, name: string, number: number, record: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const plain = new Uint8Array(Math.ceil((4 + record.length) / BLOCK) * BLOCK);
  new DataView(plain.buffer).setUint32(0, record.length);
  plain.set(record, 4);
  const head = new Uint8Array(HEADER + NONCE);
  new DataView(head.buffer).setUint32(1, number);
  head[0] = VERSION;
  const iv = crypto.getRandomValues(head.subarray(HEADER));
  const sealed = new Uint8Array(await crypto.subtle.encrypt(cipher(iv, head, name), await keyOf(secret), plain));
  const whole = new Uint8Array(head.length + sealed.length);
  whole.set(head);
  whole.set(sealed, head.length);
  return whole;
}

/** Decrypts a copy; rejects when it is none, is damaged, or is another profile's or key's. */
export async function open(secret: Uint8Array, name: string, sealed: Uint8Array<ArrayBuffer>): Promise<Opened> {
  const head = sealed.slice(0, HEADER + NONCE);
  if (head[0] !== VERSION) throw new Error("This is no copy of a profile.");
  const plain = new Uint8Array(await crypto.subtle.decrypt(cipher(head.subarray(HEADER), head, name), await keyOf(secret), sealed.subarray(head.length)));
  const length = new DataView(plain.buffer).getUint32(0);
  return { number: new DataView(head.buffer).getUint32(1), record: plain.subarray(4, 4 + length) };
}

const cipher = (iv: Uint8Array<ArrayBuffer>, head: Uint8Array, name: string): AesGcmParams => ({
  name: "AES-GCM",
  iv,
  additionalData: new TextEncoder().encode(`keepset copy ${head.slice(0, HEADER).join()} ${name}`),
});

/** The key that encrypts, which no script can read; what it is made of is what the cookie holds (RFC 5869). */
async function keyOf(secret: Uint8Array): Promise<CryptoKey> {
  const { subtle } = crypto;
  const base = await subtle.importKey("raw", secret.slice(), "HKDF", false, ["deriveKey"]);
  const info = new TextEncoder().encode("keepset copy 1");
  return subtle.deriveKey({ name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info }, base, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}
