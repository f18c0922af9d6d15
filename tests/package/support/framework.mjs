// An app of a framework: rendered in Node, bundled for the browser, both from the one file a developer writes; and what holds for any.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { bring, tools } from "./installed.mjs";
import { ALL, shop } from "./packs.mjs";
import { arrived, code, grant, installed, ready, track, visit } from "./visit.mjs";

const { build } = createRequire(join(tools, "x.js"))("esbuild");
const HELD = 'globalThis.held = document.querySelector("h1");';

/** Writes the app's module, imports it in Node, and returns what visits it with `main` run in the page. */
export async function framework(packages, app) {
  bring(installed, packages);
  const file = join(installed.folder, "app.mjs");
  writeFileSync(file, app);
  const module = await import(pathToFileURL(file).href);
  /** Visits the page: the server's HTML in #root, then `main`. */
  const open = async (main, html = "") => {
    const script = await bundle(`${code()}\n${HELD}\n${main}`);
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

/** Begun before the framework starts: everything the page's root showed, what its console complained of, and how many listen to the client. */
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

const PENDING = "fan:undefined in: starting sharing:pending";

/** Returns what `use` makes of a client in Node whose device is a buyer. */
export async function asBuyer(use) {
  const { createClient } = await import(join(installed.dist, "node.js"));
  const client = createClient({ pack: shop(), storage: "memory" });
  await client.consent.set(ALL);
  client.track("purchase", { value: 1 });
  await client.ledger.list();
  assert.ok(client.has("buyer"));
  try {
    return await use(client);
  } finally {
    await client.destroy();
  }
}

/** What a server rendered holds for everyone. */
export function forEveryone(html) {
  assert.ok(html.includes("Hello. ") && html.includes(PENDING), html);
  assert.doesNotMatch(html, /Welcome|stranger/);
}

/** Over the server's HTML nothing mismatches and nothing is thrown away, and a buyer who returns never sees a stranger's page. */
export async function hydrates(visited) {
  const page = await visited.open();
  await shows(page, "Hello stranger. ");
  await grant(page);
  await track(page, 1);
  await shows(page, "Welcome back. ");
  // The buyer returns, once the purchase is kept: a choice is in effect after every event before it is.
  await grant(page);
  await page.reload();
  await arrived(page);
  await shows(page, "Welcome back. fan:false in:buyer ready sharing:granted");
  const { shown, complaints, kept } = await page.evaluate(() => ({ shown, complaints, kept: held === document.querySelector("h1") }));
  assert.ok(shown[0].includes(PENDING));
  assert.deepEqual(shown.filter((text) => text.includes("stranger")), []);
  assert.deepEqual(complaints, []);
  assert.ok(kept, "the server's heading was thrown away");
  assert.deepEqual(page.problems, []);
  await visited.close();
}

/** Each composable listens once, and nothing once the app is gone, which the page calls by a name; the client goes on. */
export async function endsWith(visited, name) {
  const page = await visited.open();
  await ready(page);
  await shows(page, "Hello stranger. ");
  // useSegment, useSegments, useSnapshot, IfSegment; and useConsent, which listens to snapshots and to choices.
  assert.equal(await page.evaluate(() => listening()), 6);
  assert.deepEqual(await page.evaluate((name) => [(globalThis[name].unmount(), listening()), keepset.status], name), [0, "ready"]);
  await visited.close();
}
