// The modules of Keepset, as the package's build makes them, ready to be imported in Node and served to a page.
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { glue } from "../../pkg-template/glue.mjs";

/** Writes the glue and the wasm of each module into `out` from the folder the package was built in. */
export function prepareModules(built, out) {
  mkdirSync(out, { recursive: true });
  for (const name of ["core", "study"]) {
    for (const file of [`${name}.js`, `${name}.wasm`]) {
      if (!existsSync(join(built, file))) throw new Error(`${join(built, file)} is missing: \`cargo xtask pkg\` builds it`);
    }
    writeFileSync(join(out, `${name}.mjs`), glue(built, name));
    copyFileSync(join(built, `${name}.wasm`), join(out, `${name}.wasm`));
  }
}
