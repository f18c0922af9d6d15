// HPKE as RFC 9180 describes it, with Node's own cryptography: a second implementation that opens what devices seal.
import { createDecipheriv, createHmac, createPrivateKey, createPublicKey, diffieHellman } from "node:crypto";
import { readFileSync } from "node:fs";

const { keys } = JSON.parse(readFileSync(new URL("../../keys.json", import.meta.url), "utf8"));
/** The public half of the key of the tests, as a pack names it. The private half is nobody's secret. */
export const KEYS = keys.map(({ private_key, ...key }) => key);

const bytes = (text) => Buffer.from(text, "hex");
const two = (number) => Buffer.from([number >> 8, number & 255]);
const text = (words) => Buffer.from(words);
const der = (prefix, raw) => Buffer.concat([bytes(prefix), raw]);
const secretKey = (raw) => createPrivateKey({ key: der("302e020100300506032b656e04220420", raw), format: "der", type: "pkcs8" });
const publicKey = (raw) => createPublicKey({ key: der("302a300506032b656e032100", raw), format: "der", type: "spki" });

const hmac = (key, data) => createHmac("sha256", key).update(data).digest();
/** Section 4 of the RFC, over HKDF-SHA256 of RFC 5869; no output here is longer than one block. */
const extract = (suite, salt, label, ikm) => hmac(salt, Buffer.concat([text("HPKE-v1"), suite, text(label), ikm]));
const expand = (suite, prk, label, info, length) => hmac(prk, Buffer.concat([two(length), text("HPKE-v1"), suite, text(label), info, Buffer.of(1)])).subarray(0, length);

/** DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM. */
const KEM = Buffer.concat([text("KEM"), two(0x20)]);
const SUITE = Buffer.concat([text("HPKE"), two(0x20), two(1), two(1)]);

/** What the receiver of a message in base mode derives from the sender's encapsulated key: the keys of its first text, and more secrets. */
export function receive({ encapsulated, privateKey, publicKey: own, info }) {
  const shared = diffieHellman({ privateKey: secretKey(privateKey), publicKey: publicKey(encapsulated) });
  const secret = expand(KEM, extract(KEM, Buffer.alloc(0), "eae_prk", shared), "shared_secret", Buffer.concat([encapsulated, own]), 32);
  const none = Buffer.alloc(0);
  const context = Buffer.concat([Buffer.of(0), extract(SUITE, none, "psk_id_hash", none), extract(SUITE, none, "info_hash", Buffer.from(info))]);
  const schedule = extract(SUITE, secret, "secret", none);
  const exporter = expand(SUITE, schedule, "exp", context, 32);
  return {
    /** Opens the first text. */
    open(sealed, aad) {
      const decipher = createDecipheriv("aes-128-gcm", expand(SUITE, schedule, "key", context, 16), expand(SUITE, schedule, "base_nonce", context, 12));
      decipher.setAAD(aad);
      decipher.setAuthTag(sealed.subarray(-16));
      return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
    },
    /** Derives a secret that both ends share. */
    exported: (label, length) => expand(SUITE, exporter, "sec", text(label), length),
  };
}

/** Opens a sealed report: version 1, key 1, plan 16 and epoch 4 outside, then the encapsulated key and the text. */
export const unseal = (sealed) => opened(sealed, 22, "keepset sealed report 1");

/** Opens a sealed message about labels: version 1, key 1 and terms 16 outside, then the encapsulated key and the text. */
export const unsealLabels = (sealed) => opened(sealed, 18, "keepset sealed labels 1");

function opened(sealed, outside, info) {
  const whole = Buffer.from(sealed);
  const { private_key, public_key } = keys.find(({ id }) => id === whole[1]);
  const [aad, encapsulated, rest] = [whole.subarray(0, outside), whole.subarray(outside, outside + 32), whole.subarray(outside + 32)];
  return receive({ encapsulated, privateKey: bytes(private_key), publicKey: bytes(public_key), info }).open(rest, aad);
}
