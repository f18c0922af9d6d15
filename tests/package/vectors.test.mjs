// The shared vectors through the installed package.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { install } from "./support/installed.mjs";
import { hold, VECTORS } from "./support/vectors.mjs";

process.env.TZ = "UTC";
const { dist } = install();
const { createClient } = await import(pathToFileURL(join(dist, "node.js")).href);
/** What most pages load; the two vectors that name seldom kinds are for the fuller core, which is inside the package. */
const wasm = readFileSync(join(dist, "core.wasm"));
const SELDOM = ["segments", "trees", "buying", "network"];

for (const name of VECTORS) test(`the vector ${name} gives the same bits from JavaScript`, () => hold(name, createClient, SELDOM.includes(name) ? {} : { wasm }));
