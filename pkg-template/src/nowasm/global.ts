// The engine as JavaScript for a plain script, which adds this one where WebAssembly is forbidden.
import { added } from "../added.js";
import { engineOf } from "./engine.js";

/** See `index.ts`. */
export const engine = engineOf(() => added("./nowasm-report.global.js", "keepsetNowasmReport"), () => added("./nowasm-study.global.js", "keepsetNowasmStudy"));
