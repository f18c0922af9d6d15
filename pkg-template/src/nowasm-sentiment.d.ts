// `sentiment.wasm` as JavaScript. `build.mjs` writes the real file.
export * from "./sentiment/glue.js";
