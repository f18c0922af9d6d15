// A page with an element of the package in it, under a policy as strict as can be, and whether everybody can use it.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { shop } from "./packs.mjs";
import { AXE } from "./site.mjs";
import { code, ready, visit } from "./visit.mjs";

/** No inline style, and scripts of the site alone. */
const CSP = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' http://127.0.0.1:*; base-uri 'none'; form-action 'none'";

/** The page around an element. */
export const html = (element, lang = "en") => `<!doctype html><html lang="${lang}"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>shop</title><main><h1>Shop</h1>${element}</main><script type="module" src="/page.js"></script></html>`;

/** Opens a page whose `element` is the one of that name, with the client; `complaints` is what the browser found wrong. */
export async function elementPage({ name, entry = "element", page: text = html(`<${name}></${name}>`), options, script = "", pack = {}, prepare = () => undefined }) {
  const code_ = `${code(options)}
    import "/keepset/${entry}.js";
    globalThis.element = document.querySelector("${name}");
    element.client = keepset;
    ${script}`;
  const shopVisit = await visit({ files: { "/": text, "/page.js": code_, "/pack.json": JSON.stringify(shop(pack)) }, serve: { csp: CSP } });
  const page = await shopVisit.context.newPage();
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && !/favicon/.test(message.location().url) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  const prepared = await prepare(page);
  const arrive = async (tab) => {
    await tab.goto(shopVisit.site.url);
    await tab.waitForFunction(() => globalThis.element);
    await ready(tab);
    return tab;
  };
  await arrive(page);
  return { page, complaints, prepared, context: shopVisit.context, another: async () => arrive(await shopVisit.context.newPage()), close: shopVisit.close };
}

/** What the element says. */
export const said = (page) => page.evaluate(() => element.shadowRoot.textContent);
/** Waits until it says so. */
export const says = (page, words) => page.waitForFunction(([source, flags]) => new RegExp(source, flags).test(element.shadowRoot.textContent), [words.source, words.flags]);
/** What stands in its parts of a name. */
export const parts = (page, part) => page.evaluate((part) => [...element.shadowRoot.querySelectorAll(`[part~="${part}"]`)].map((one) => one.textContent.trim()), part);

/** Holds a page to axe, to its width and to a darkness of its own, in light, in dark and on a phone. `pictures` is how the pictures are named that `KEEPSET_PICTURES` asks for. */
export async function usableByAll(page, pictures) {
  const folder = process.env.KEEPSET_PICTURES;
  if (folder) mkdirSync(folder, { recursive: true });
  await page.evaluate(AXE);
  const shades = [];
  for (const [name, width, colorScheme] of [["light", 1000, "light"], ["dark", 1000, "dark"], ["phone", 360, "light"]]) {
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme });
    const violations = await page.evaluate(async () => (await axe.run(document)).violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`));
    assert.deepEqual(violations, [], name);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, `${name} is not wider than its window`);
    shades.push(await page.evaluate(() => getComputedStyle(element).backgroundColor));
    if (folder) await page.screenshot({ path: join(folder, `${pictures}-${name}.png`), fullPage: true });
  }
  assert.notEqual(shades[0], shades[1], "dark is dark");
  await page.setViewportSize({ width: 1000, height: 800 });
}
