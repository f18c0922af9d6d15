// The modules of Keepset, as the package's build makes them, ready to be imported in Node and served to a page.
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { glue } from "../../pkg-template/glue.mjs";
import { tools } from "./bundle.mjs";

const source = fileURLToPath(new URL("../../pkg-template/src", import.meta.url));

/** Writes the glue and the wasm of each module into `out` from the folder the package was built in. */
export async function prepareModules(built, out) {
  mkdirSync(out, { recursive: true });
  // The core that reads every pack.
  for (const [name, from] of [["core", "core-full"], ["study", "study"]]) {
    for (const file of [`${from}.js`, `${from}.wasm`]) {
      if (!existsSync(join(built, file))) throw new Error(`${join(built, file)} is missing: \`cargo xtask pkg\` builds it`);
    }
    if (name === "core") await bundleProfile(glue(built, from), join(out, "core.mjs"));
    else writeFileSync(join(out, `${name}.mjs`), glue(built, name));
    copyFileSync(join(built, `${from}.wasm`), join(out, `${name}.wasm`));
  }
}

/** The core as the package's own code uses it: with what turns names into numbers and back. */
async function bundleProfile(core, outfile) {
  const { build } = tools("esbuild");
  const parts = {
    name: "parts",
    setup({ onLoad, onResolve }) {
      onResolve({ filter: /^\.\/core\.js$/ }, () => ({ path: "core", namespace: "glue" }));
      onLoad({ filter: /^/, namespace: "glue" }, () => ({ contents: core, loader: "js" }));
    },
  };
  const contents = 'import { bind } from "./core.js"; import { profilesOf } from "./profile.js"; const bound = bind(); export const Profile = profilesOf(bound), initSync = bound.initSync;';
  const stdin = { contents, resolveDir: source };
  await build({ stdin, outfile, bundle: true, minify: true, format: "esm", target: "es2022", plugins: [parts], logLevel: "error" });
}
