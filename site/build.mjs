// Builds the site into target/site: `node site/build.mjs`.
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vitepress";

import { root } from "./pages.mjs";
import { stage, staged } from "./stage.mjs";

const count = stage();
copyFileSync(join(root, "www-demo/art/mark.svg"), join(staged, "public/mark.svg"));
await build(fileURLToPath(new URL(".", import.meta.url)));
console.log(`${count} pages in target/site`);
