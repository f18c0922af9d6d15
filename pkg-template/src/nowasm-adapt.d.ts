// `adapt.wasm` as JavaScript. `build.mjs` writes the real file.
export * from "./adapt/glue.js";
