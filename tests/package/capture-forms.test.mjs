// What `keepset/capture` tells of forms, searches and copying, and never what was written or copied.
import assert from "node:assert/strict";
import { test } from "node:test";

import { later, visit } from "./support/capture.mjs";

test("a form is started once by typing, and ends in a submission or in being left", async () => {
  const lab = await visit({ form: true });
  const { page } = lab;
  await page.click("#name");
  assert.deepEqual(await lab.names(), [], "looking into a field is no start");
  await page.keyboard.type("abc");
  await page.click("#mail");
  await page.keyboard.type("def");
  assert.deepEqual(await lab.names(), ["form_start"]);
  await page.evaluate(() => document.querySelector("#form").addEventListener("submit", (event) => { event.preventDefault(); new FormData(event.target); }));
  await page.click("#send");
  assert.deepEqual(await lab.names(), ["form_start", "form_submit"]);
  await page.click("#route");
  assert.equal((await lab.names()).length, 2, "a form that was sent is not abandoned");
  await page.click("#name");
  await page.keyboard.type("again");
  await page.evaluate(() => history.pushState(null, "", "?step=2"));
  assert.deepEqual((await lab.names()).slice(2), ["form_start"], "a change of the query does not leave a form");
  await page.click("#home");
  assert.deepEqual((await lab.names()).slice(2), ["form_start", "form_abandon"]);
  await page.click("#route");
  await page.click("#search");
  await page.keyboard.type("x");
  await page.click("#check");
  await page.click("#password");
  await page.keyboard.type("x");
  await page.evaluate(() => { const name = document.querySelector("#name"); name.value = "script"; name.dispatchEvent(new Event("input", { bubbles: true })); });
  await page.click("#home");
  assert.equal((await lab.names()).length, 4, "searches, lone fields and scripts start no form");
  await lab.close();
});

test("a form that a script puts together and sends itself is sent, not abandoned", async () => {
  const lab = await visit({ form: true });
  await lab.page.click("#name");
  await lab.page.keyboard.type("abc");
  await lab.page.evaluate(() => { new FormData(document.querySelector("#form")); history.pushState(null, "", "/thanks"); });
  assert.deepEqual(await lab.names(), ["form_start", "form_submit"]);
  await lab.close();
});

test("copying is told, pasting and cutting are not", async () => {
  const lab = await visit({ copy: true });
  const { page } = lab;
  await page.click("#text", { clickCount: 3 });
  await page.keyboard.press("Control+C");
  assert.deepEqual(await lab.names(), ["copy"]);
  await page.click("#name");
  await page.keyboard.press("Control+V");
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Control+X");
  await page.evaluate(() => document.dispatchEvent(new ClipboardEvent("copy", { bubbles: true })));
  assert.deepEqual(await lab.names(), ["copy"]);
  await lab.close();
});

test("another query soon after the first is a refinement; the same one, an empty one and a late one are not", async () => {
  const lab = await visit({ searchRefinement: true }, { before: later });
  const { page } = lab;
  await page.evaluate(() => document.addEventListener("submit", (event) => event.preventDefault()));
  const search = async (query) => {
    await page.click("#search");
    await page.keyboard.press("Control+A");
    await page.keyboard.press("Delete");
    await page.keyboard.type(query);
    await page.keyboard.press("Enter");
  };
  await search("shoes");
  await search("  shoes ");
  await search("");
  await page.click("#search");
  await page.keyboard.type("not sent");
  await page.click("#text");
  assert.deepEqual(await lab.names(), []);
  await search("red shoes");
  await search("red boots");
  assert.deepEqual(await lab.names(), ["search_refinement", "search_refinement"]);
  await page.evaluate(() => { later = 6 * 60_000; });
  await search("garden chairs");
  assert.equal((await lab.names()).length, 2);
  await page.click("#name");
  await page.keyboard.type("no search");
  await page.click("#password");
  await page.keyboard.type("a");
  await page.keyboard.press("Enter");
  assert.equal((await lab.names()).length, 2);
  await lab.close();
});

test("a page of results knows the query it came with; a field without a form counts when Enter is pressed or it is left", async () => {
  const body = '<input id="query" class="q" value="shoes"> <input id="secret" class="q" type="password" value="x"><p id="text">Text</p>';
  const lab = await visit({ searchRefinement: { inputs: ".q" } }, { body });
  const { page } = lab;
  await page.click("#query");
  await page.keyboard.press("Enter");
  assert.deepEqual(await lab.names(), []);
  await page.keyboard.press("End");
  await page.keyboard.type(" red");
  await page.keyboard.press("Enter");
  assert.deepEqual(await lab.names(), ["search_refinement"]);
  await page.keyboard.type("dish");
  await page.click("#text");
  assert.deepEqual(await lab.names(), ["search_refinement", "search_refinement"]);
  await page.fill("#secret", "y");
  await page.click("#secret");
  await page.keyboard.type("z");
  await page.keyboard.press("Enter");
  assert.equal((await lab.names()).length, 2, "a password field is not read, whatever the selector says");
  await lab.close();
});
