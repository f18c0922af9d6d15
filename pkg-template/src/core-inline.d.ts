/** `core-full.wasm`, which reads every pack, in base64. `build.mjs` writes the real file. */
export declare const base64: string;
