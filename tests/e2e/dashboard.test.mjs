// The collector's pages in a browser: usable by everybody, in the light, in the dark and on a phone, by keyboard, without a script.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { usableByAll } from "../package/support/element.mjs";
import { browse } from "../package/support/site.mjs";
import { collect, folder, keepset, keys } from "./support/programs.mjs";

const browser = await browse();

test("the pages of estimates, of privacy and of operations are usable by everybody, and lead to each other", async () => {
  const collector = await collect(folder(), keys().file);
  after(() => collector.cut());
  keepset("simulate", "--devices", "3000", "--collector", collector.url, "--plain", "--seed", "7");
  const context = await browser.newContext({ javaScriptEnabled: true });
  const page = await context.newPage();
  const broken = [];
  page.on("console", (message) => broken.push(message.text()));
  for (const [path, heading] of [["/", /sizes/i], ["/privacy", /What is asked/], ["/operations", /How the collector/]]) {
    await page.goto(collector.url + path);
    assert.match(await page.locator("h1").textContent(), heading);
    assert.equal(await page.locator("script").count(), 0);
    await page.evaluate(() => {
      globalThis.element = document.body;
    });
    await usableByAll(page, `collector${path.replace("/", "-")}`);
  }
  assert.deepEqual(broken, [], "the policy of the pages forbids nothing that is in them");
  // By keyboard alone, from the estimates to how the collector is doing and back.
  await page.goto(collector.url);
  await page.getByRole("link", { name: "How the collector is doing" }).focus();
  await page.keyboard.press("Enter");
  await page.waitForURL("**/operations");
  await page.getByRole("link", { name: "Estimates" }).focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(`${collector.url}/`);
  await context.close();
});
