// Writes consent strings bit by bit, and damages them.
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** A number as so many bits. */
export const bits = (value, width) => value.toString(2).padStart(width, "0");
/** Bits as base64url, as it is padded for TCF. */
export const text = (all) => all.padEnd(Math.ceil(all.length / 24) * 24, "0").replace(/.{6}/g, (six) => ALPHABET[parseInt(six, 2)]);
const flags = (ids, count) => Array.from({ length: count }, (_, at) => (ids.includes(at + 1) ? "1" : "0")).join("");
const list = (ids) => bits(Math.max(0, ...ids), 16) + "0" + flags(ids, Math.max(0, ...ids));

/** A TC string of a person who was asked. */
export function tcString({ version = 2, policy = 4, own = true, purposes = [], vendors = [], restrictions = [], publisher, custom = [], disclosed } = {}) {
  const letters = (two) => [...two].map((letter) => bits(letter.charCodeAt(0) - 65, 6)).join("");
  const restricted = restrictions.map(([purpose, type, ids]) => bits(purpose, 6) + bits(type, 2) + bits(ids.length, 12) + ids.map((id) => `0${bits(id, 16)}`).join("")).join("");
  const core =
    bits(version, 6) + bits(17e9, 36) + bits(17e9, 36) + bits(31, 12) + bits(2, 12) + bits(1, 6) + letters("EN") + bits(100, 12) + bits(policy, 6) + (own ? "1" : "0") + "0" +
    flags([], 12) + flags(purposes, 24) + flags([], 24) + "0" + letters("DE") + list(vendors) + list([]) + bits(restrictions.length, 12) + restricted;
  const parts = [core];
  if (disclosed) parts.push(bits(1, 3) + list(disclosed));
  if (publisher) parts.push(bits(3, 3) + flags(publisher, 24) + flags([], 24) + bits(custom.length, 6) + flags(custom, custom.length) + flags([], custom.length));
  return parts.map(text).join(".");
}

/** A small generator whose numbers a test can name. */
export function generator(seed) {
  let state = seed * 2654435761 + 1;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A string with something wrong in it: a bit turned, a letter changed, put in or left out, an end cut off, a part said again. */
export function damaged(string, random) {
  const at = random(string.length);
  const [before, letter, after] = [string.slice(0, at), string[at], string.slice(at + 1)];
  const turned = ALPHABET[ALPHABET.indexOf(letter) ^ (1 << random(6))] ?? "A";
  const other = ALPHABET[random(64)];
  return [
    () => before + turned + after,
    () => before + other + after,
    () => before + other + letter + after,
    () => before + after,
    () => before,
    () => `${string}.${before}`,
    () => before + "!+/= ~.\n"[random(8)] + after,
    () => string + other,
  ][random(8)]();
}
