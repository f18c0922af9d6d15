// The engine's own module, as the package's build makes it, ready to be imported in Node and served to a page.
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { glue } from "../../pkg-template/glue.mjs";

/** Writes `core.js` and `core.wasm` into `out` from the folder the package was built in. */
export function prepareCore(built, out) {
  for (const file of ["core.js", "core.wasm"]) {
    if (!existsSync(join(built, file))) throw new Error(`${join(built, file)} is missing: \`cargo xtask pkg\` builds it`);
  }
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, "core.mjs"), glue(join(built, "core.js")));
  copyFileSync(join(built, "core.wasm"), join(out, "core.wasm"));
}
