// `report.js` bound to the module as JavaScript. `build.mjs` writes the real file.
export * from "./report.js";
