/** Says whether WebAssembly is there at all; a content security policy may still forbid it. */
export function hasWebAssembly(): boolean {
  return typeof WebAssembly === "object" && typeof WebAssembly.Module === "function";
}
