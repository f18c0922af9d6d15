/** `core.wasm` in base64. `build.mjs` writes the real file. */
declare const base64: string;
export default base64;
