// The workloads with the peers in one file, for Node and for the page, minified as a site would.
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
export const tools = createRequire(join(here, "../../pkg-template/node_modules/x.js"));

/** Bundles for `platform` into `outfile`; the peers come from `peers`. */
export async function bundle(platform, peers, outfile) {
  const { build } = tools("esbuild");
  const scratch = {
    name: "scratch",
    setup({ onResolve, resolve }) {
      // A bare name is a peer; it is not in the repository but in the scratch folder.
      onResolve({ filter: /^[^./]/ }, ({ path, kind, pluginData }) => {
        if (pluginData === scratch || kind === "entry-point" || path.startsWith("node:")) return undefined;
        return resolve(path, { kind, resolveDir: peers, pluginData: scratch });
      });
    },
  };
  await build({
    entryPoints: [join(here, "entry.mjs")],
    outfile,
    platform,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    plugins: [scratch],
    logLevel: "error",
    // Some peers ask for Node's own modules the old way.
    banner: platform === "node" ? { js: 'import { createRequire as __require } from "node:module"; const require = __require(import.meta.url);' } : {},
    define: { "process.env.NODE_ENV": '"production"' },
  });
}

/** The browser driver of the package's tests. */
export const { chromium } = tools("playwright-core");
