// An app of a framework: rendered in Node, bundled for the browser, both from the one file a developer writes.
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { bring, tools } from "./installed.mjs";
import { code, installed, visit } from "./visit.mjs";
import { shop } from "./packs.mjs";

const { build } = createRequire(join(tools, "x.js"))("esbuild");
const HELD = 'globalThis.held = document.querySelector("h1");';

/** Writes the app's module, imports it in Node, and returns what visits it with `main` run in the page. */
export async function framework(packages, app) {
  bring(installed, packages);
  const file = join(installed.folder, "app.mjs");
  writeFileSync(file, app);
  const module = await import(pathToFileURL(file).href);
  /** Visits the page: the server's HTML in #root, then `main`; what the page's console complained of is in `page.complaints`. */
  const open = async (main, { html = "", options } = {}) => {
    const script = await bundle(`${code(options)}\n${HELD}\n${main}`);
    const files = { "/": page(html), "/page.js": script, "/pack.json": JSON.stringify(shop()) };
    return visit({ files });
  };
  return { module, open };
}

const page = (html) => `<!doctype html><title>app</title><div id="root">${html}</div><script type="module" src="/page.js"></script>`;

async function bundle(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: installed.folder, loader: "js" },
    bundle: true,
    format: "esm",
    write: false,
    logLevel: "error",
    // The frameworks' development builds, which check the most.
    define: { "process.env.NODE_ENV": '"development"', __VUE_OPTIONS_API__: "true", __VUE_PROD_DEVTOOLS__: "false", __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "true" },
    external: ["/keepset/index.js"],
  });
  return outputFiles[0].text;
}

/** Everything the page's root showed, one text after the other, begun before the framework starts. */
export const RECORD = `
  globalThis.shown = [document.querySelector("#root").textContent];
  new MutationObserver(() => shown.push(document.querySelector("#root").textContent)).observe(document.querySelector("#root"), { subtree: true, childList: true, characterData: true });
  globalThis.complaints = [];
  for (const level of ["error", "warn"]) { const real = console[level]; console[level] = (...all) => { complaints.push(all.map(String).join(" ")); real(...all); }; }
  let listening = 0;
  globalThis.listening = () => listening;
  for (const [object, method] of [[keepset, "subscribe"], [keepset.consent, "onChange"]]) {
    const real = object[method].bind(object);
    object[method] = (listener) => { listening++; const off = real(listener); let done = false; return () => { if (!done) listening--; done = true; off(); }; };
  }
`;

/** Waits until the page's root shows a text that matches. */
export const shows = (page, text) => page.waitForFunction((text) => document.querySelector("#root").textContent.includes(text), text);
