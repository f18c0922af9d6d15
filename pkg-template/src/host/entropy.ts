/** Twice 32 bytes of the page's own randomness, which the engine compares; nothing where there is none, or it throws. */
export function drawn(): Uint8Array {
  const draw = (): Uint8Array => crypto.getRandomValues(new Uint8Array(32));
  try {
    return Uint8Array.of(...draw(), ...draw());
  } catch {
    return new Uint8Array(0);
  }
}
