// What `keepset/capture` tells of where a person goes: pages and routes, back and forth, and out of the site.
import assert from "node:assert/strict";
import { test } from "node:test";

import { later, visit } from "./support/capture.mjs";
import { browseAsPeopleDo } from "./support/site.mjs";

test("a page view is told at first, at every change of the path, and not for a query or a fragment", async () => {
  const lab = await visit({ pageView: { sections: ["shop", "help"] } });
  assert.deepEqual(await lab.of("page_view"), [{ section: "shop" }]);
  await lab.page.evaluate(() => { history.pushState(null, "", "?page=2"); history.replaceState(null, "", "#part"); location.hash = "other"; });
  assert.equal((await lab.names()).length, 1);
  await lab.page.click("#route");
  await lab.page.goBack();
  await lab.page.waitForFunction(() => location.pathname === "/shop/list");
  await lab.page.waitForFunction(() => told.length === 3);
  assert.deepEqual(await lab.of("page_view"), [{ section: "shop" }, { section: "other" }, { section: "shop" }]);
  await lab.page.waitForFunction(() => keepset.has("n_page_view"));
  assert.equal(await lab.engine("n_page_view"), 3);
  await lab.close();
});

test("without the Navigation API routes are seen all the same, and history is put back as it was", async () => {
  const without = () => { delete globalThis.navigation; Object.defineProperty(globalThis, "navigation", { value: undefined }); };
  const lab = await visit({ pageView: true, dwell: true }, { before: without });
  const own = () => lab.page.evaluate(() => [Object.hasOwn(history, "pushState"), Object.hasOwn(history, "replaceState")]);
  assert.deepEqual(await own(), [true, true]);
  await lab.page.click("#route");
  await lab.page.evaluate(() => history.replaceState({ kept: 1 }, "", "/shop/list"));
  assert.deepEqual(await lab.page.evaluate(() => [history.state, location.pathname]), [{ kept: 1 }, "/shop/list"]);
  await lab.page.evaluate(() => history.pushState(null, "", "/blog/one"));
  await lab.page.goBack();
  await lab.page.waitForFunction(() => told.length === 5);
  assert.deepEqual([...new Set(await lab.names())], ["page_view"]);
  await lab.page.evaluate(() => stop());
  assert.deepEqual(await own(), [false, false]);
  await lab.page.evaluate(() => {
    const foreign = history.pushState.bind(history);
    history.pushState = foreign;
    const first = capture(keepset, { pageView: true });
    first();
    globalThis.restored = history.pushState === foreign;
    const second = capture(keepset, { pageView: true });
    const ours = history.pushState;
    const outer = (...args) => ours.apply(history, args);
    history.pushState = outer;
    second();
    told.length = 0;
    history.pushState(null, "", "/elsewhere");
    globalThis.left = history.pushState === outer && location.pathname === "/elsewhere" && told.length === 0;
  });
  assert.deepEqual(await lab.page.evaluate(() => [restored, left]), [true, true]);
  await lab.close();
});

test("a page the browser keeps for back counts no time while it is away, is viewed again, and was gone back and forth from", async () => {
  const keeping = await browseAsPeopleDo();
  const lab = await visit({ pageView: true, dwell: true, backAndForth: true, form: true }, { use: keeping, files: { "/away": "<!doctype html>away" } });
  const { page } = lab;
  await page.click("#name");
  await page.keyboard.type("x");
  await page.evaluate(() => { globalThis.same = true; location.href = "/away"; });
  await page.waitForURL(/away/);
  const away = 2.2;
  await page.waitForTimeout(away * 1_000);
  await page.evaluate(() => history.back());
  await page.waitForFunction(() => globalThis.same && told.length >= 5);
  const names = await lab.names();
  assert.deepEqual(names.filter((name) => name !== "dwell"), ["page_view", "form_start", "form_abandon", "page_view", "back_and_forth"]);
  await page.click("#route");
  const seconds = (await lab.of("dwell")).reduce((total, { seconds }) => total + seconds, 0);
  const open = await page.evaluate(() => (Date.now() - performance.timeOrigin) / 1000);
  assert.ok(seconds <= open - away, `${seconds} s were counted of ${open}`);
  await page.waitForFunction(() => keepset.explain("n_back_and_forth").then((why) => why.condition.value === 1));
  await lab.close();
  await keeping.close();
});

test("there and back within ten seconds is back and forth; on to a third page, or a redirect, is not", async () => {
  const lab = await visit({ backAndForth: true });
  const go = async (path, pause = 350) => {
    await lab.page.evaluate((path) => history.pushState(null, "", path), path);
    await lab.page.waitForTimeout(pause);
  };
  await go("/a");
  await go("/b");
  await go("/c");
  await go("/d", 0);
  await go("/c");
  assert.deepEqual(await lab.names(), []);
  await go("/e");
  await lab.page.goBack();
  await lab.page.waitForFunction(() => told.length === 1);
  await lab.page.waitForTimeout(350);
  await go("/e");
  assert.deepEqual(await lab.names(), ["back_and_forth"], "one return is counted once");
  await lab.close();
});

test("going back after more than ten seconds is not back and forth", async () => {
  const lab = await visit({ backAndForth: true }, { before: later });
  await lab.page.click("#route");
  await lab.page.evaluate(() => { later = 10_100; });
  await lab.page.click("#home");
  assert.deepEqual(await lab.names(), []);
  await lab.close();
});

test("a link to another host is outbound by click, middle click and key; one's own hosts and other schemes are not", async () => {
  const body = `<a id="out" href="http://elsewhere.localhost:1/" target="_blank"><b id="inner">Out</b></a> <a id="own" href="http://cdn.mine.localhost:1/" target="_blank">Own</a>
    <a id="mail" href="mailto:a@b.example">Mail</a> <a id="part" href="#part">Part</a> <a id="bare">Bare</a> <a id="here" href="/next" target="_blank">Here</a>`;
  const lab = await visit({ outboundClick: { own: ["mine.localhost"] } }, { body });
  const { page, context } = lab;
  context.on("page", (popup) => popup.close().catch(() => undefined));
  for (const id of ["#own", "#part", "#bare", "#here"]) await page.click(id);
  // Nothing opens a letter here, so the click is stopped after it was heard.
  await page.evaluate(() => document.querySelector("#mail").addEventListener("click", (event) => event.preventDefault()));
  await page.click("#mail");
  await page.evaluate(() => document.querySelector("#out").click());
  assert.deepEqual(await lab.names(), []);
  await page.click("#inner");
  await page.click("#out", { button: "middle" });
  await page.focus("#out");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => told.length === 3);
  assert.deepEqual([...new Set(await lab.names())], ["outbound_click"]);
  await page.click("#out", { button: "right" });
  assert.equal((await lab.names()).length, 3);
  await lab.close();
});
