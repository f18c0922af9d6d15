// `keepset/nowasm`: the engine as JavaScript, for browsers and policies that forbid WebAssembly.
import type { JavaScriptEngine } from "../types.js";
import { engineOf } from "./engine.js";

/** The same engine, bit for bit, written as JavaScript. Hand its module over, `init({ pack, nowasm: () => import("keepset/nowasm") })`. */
export const engine: JavaScriptEngine = engineOf(() => import("../nowasm-report.js"), () => import("../nowasm-study.js"));
