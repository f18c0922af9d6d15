// `choose.wasm` as JavaScript. `build.mjs` writes the real file.
export * from "./choose/glue.js";
