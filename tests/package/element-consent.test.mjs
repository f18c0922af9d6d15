// `<keepset-consent>` in Chromium under a strict policy: it shows the choices in effect, changes them, and is worked by everybody.
import assert from "node:assert/strict";
import { test } from "node:test";

import { elementPage, html, parts, said, says, usableByAll } from "./support/element.mjs";
import { stores } from "./support/site.mjs";
import { grant } from "./support/visit.mjs";

const shown = (more = {}) => elementPage({ name: "keepset-consent", entry: "element-consent", ...more });
/** The switches by the name a screen reader says, and whether they are on. */
const switches = async (page) => Object.fromEntries(await Promise.all((await page.getByRole("switch").all()).map(async (one) => [await one.evaluate((input) => input.id), await one.isChecked()])));
const state = (page) => page.evaluate(() => keepset.consent.get());
const flip = (page, purpose) => page.locator(`keepset-consent #${purpose}`).click();
const all = (on) => ({ segmentation: on, storage: on, reporting: on, sharing: on });

test("everything is off at first, a switch grants one purpose, and again withdraws it with what was stored", async () => {
  const { page, complaints, close } = await shown();
  await says(page, /What you allow/);
  assert.deepEqual(await switches(page), all(false));
  await flip(page, "segmentation");
  await says(page, /Your choice is in effect\./);
  await flip(page, "storage");
  await page.waitForFunction(() => keepset.consent.get().storage === "granted");
  assert.deepEqual(await state(page), { segmentation: "granted", storage: "granted", reporting: "pending", sharing: "pending" });
  await page.waitForFunction(() => element.shadowRoot.querySelector("#storage").checked);
  assert.deepEqual(await switches(page), { ...all(false), segmentation: true, storage: true });
  await page.evaluate(() => keepset.flush());
  assert.ok((await stores(page)).databases?.length > 0);
  await flip(page, "storage");
  await page.waitForFunction(() => keepset.consent.get().storage === "denied" && !element.shadowRoot.querySelector("#storage").checked);
  await page.waitForFunction(async () => (await indexedDB.databases()).length === 0);
  assert.deepEqual(complaints, [], "no policy was broken");
  await close();
});

test("two buttons of one size grant everything and nothing", async () => {
  const { page, close } = await shown();
  const [yes, no] = [page.getByRole("button", { name: "Allow all" }), page.getByRole("button", { name: "Allow nothing" })];
  await yes.click();
  await page.waitForFunction(() => Object.values(keepset.consent.get()).every((choice) => choice === "granted"));
  await page.waitForFunction(() => element.shadowRoot.querySelectorAll("input:checked").length === 4);
  const [a, b] = [await yes.boundingBox(), await no.boundingBox()];
  assert.deepEqual([a.width, a.height], [b.width, b.height], "to refuse is as easy as to agree");
  await no.click();
  await page.waitForFunction(() => Object.values(keepset.consent.get()).every((choice) => choice === "denied"));
  await page.waitForFunction(() => element.shadowRoot.querySelectorAll("input:checked").length === 0);
  await close();
});

test("it shows what another tab, and the page itself, choose", async () => {
  const { page, another, close } = await shown();
  const other = await another();
  await grant(other);
  await page.waitForFunction(() => element.shadowRoot.querySelectorAll("input:checked").length === 4);
  await page.evaluate(() => keepset.consent.set({ sharing: "denied" }));
  await other.waitForFunction(() => element.shadowRoot.querySelectorAll("input:checked").length === 3);
  assert.deepEqual(await switches(other), { ...all(true), sharing: false });
  await close();
});

test("a yes that another signal denies leaves the switch off, and it says so", async () => {
  const script = 'import { followConsent } from "/keepset/consent.js"; followConsent(keepset);';
  const { page, close } = await shown({ script, prepare: (tab) => tab.addInitScript(() => Object.defineProperty(navigator, "globalPrivacyControl", { value: true })) });
  await page.waitForFunction(() => keepset.consent.get().sharing === "denied");
  await flip(page, "sharing");
  await says(page, /It stays off: another setting of your browser or of this site does not allow it\./);
  assert.deepEqual(await switches(page), all(false));
  await flip(page, "segmentation");
  await says(page, /Your choice is in effect\./);
  assert.deepEqual(await switches(page), { ...all(false), segmentation: true });
  await close();
});

test("everybody can use it: axe finds nothing, keys work every switch, and what a switch means belongs to it", async () => {
  const { page, close } = await shown();
  await grant(page, { segmentation: "granted" });
  await page.waitForFunction(() => element.shadowRoot.querySelector("#segmentation").checked);
  await usableByAll(page, "consent");
  await page.locator("h1").click();
  const reached = [];
  for (let step = 0; step < 6; step += 1) {
    await page.keyboard.press("Tab");
    reached.push(await page.evaluate(() => element.shadowRoot.activeElement?.getAttribute("data-key")));
  }
  assert.deepEqual(reached, ["segmentation", "storage", "reporting", "sharing", "all", "none"]);
  for (let step = 0; step < 3; step += 1) await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Space");
  await page.waitForFunction(() => keepset.consent.get().reporting === "granted" && element.shadowRoot.querySelector("#reporting").checked);
  assert.equal(await page.evaluate(() => element.shadowRoot.activeElement.id), "reporting", "drawn anew, it keeps the focus");
  const tree = await page.locator("keepset-consent").ariaSnapshot();
  assert.match(tree, /switch "Help to count" \[checked\]/);
  assert.match(await page.getByRole("switch", { name: "Share the groups" }).evaluate((input) => input.getRootNode().getElementById(input.getAttribute("aria-describedby")).textContent), /taken back when you turn this off/);
  await page.emulateMedia({ forcedColors: "active" });
  assert.equal(await page.evaluate(() => getComputedStyle(element.shadowRoot.querySelector("input")).appearance), "auto", "forced colours get the browser's own switch");
  await close();
});

test("it asks for the purposes that are named only, in the page's words", async () => {
  const texts = { title: "Was Sie erlauben", name: { storage: "Merken" }, all: "Alles" };
  const { page, close } = await shown({ page: html(`<keepset-consent purposes="segmentation storage" texts='${JSON.stringify(texts)}'></keepset-consent>`, "de") });
  await says(page, /Was Sie erlauben/);
  assert.deepEqual(await page.evaluate(() => [...element.shadowRoot.querySelectorAll("label")].map(({ textContent }) => textContent)), ["Work out what may interest you", "Merken"]);
  await page.getByRole("button", { name: "Alles" }).click();
  await page.waitForFunction(() => keepset.consent.get().storage === "granted");
  assert.deepEqual(await state(page), { segmentation: "granted", storage: "granted", reporting: "pending", sharing: "pending" });
  await page.evaluate(() => { element.purposes = ["reporting"]; return element.refresh(); });
  assert.deepEqual(Object.keys(await switches(page)), ["reporting"]);
  await close();
});

test("where there is nothing to choose it says so, and its switches cannot be turned", async () => {
  const { page, close } = await shown({ prepare: (tab) => tab.addInitScript(() => { delete globalThis.WebAssembly; }) });
  await says(page, /None of this happens in your browser\./);
  assert.deepEqual(await parts(page, "both"), []);
  assert.equal(await page.getByRole("switch").first().isDisabled(), true);
  assert.doesNotMatch(await said(page), /Allow all/);
  await close();
});
