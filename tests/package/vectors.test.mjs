// The shared vectors through the installed package.
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { install } from "./support/installed.mjs";
import { hold, VECTORS } from "./support/vectors.mjs";

process.env.TZ = "UTC";
const { createClient } = await import(pathToFileURL(join(install().dist, "node.js")).href);

for (const name of VECTORS) test(`the vector ${name} gives the same bits from JavaScript`, () => hold(name, createClient));
