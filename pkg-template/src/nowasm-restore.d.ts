// `restore.wasm` as JavaScript. `build.mjs` writes the real file.
export * from "./restore/glue.js";
