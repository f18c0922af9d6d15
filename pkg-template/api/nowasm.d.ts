import type { JavaScriptEngine } from "./index.js";
/** The same engine, bit for bit, written as JavaScript. Hand its module over, `init({ pack, nowasm: () => import("keepset/nowasm") })`. */
export declare const engine: JavaScriptEngine;
