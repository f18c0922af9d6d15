// What `keepset/capture` tells of reading: how far down, and for how long a page was visible.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

import { visit } from "./support/capture.mjs";
import { browser } from "./support/visit.mjs";

test("depth is told once a view, at each quarter a person scrolled to, and never for a page that scrolls itself", async () => {
  const tall = '<div style="height:5000px"></div><a id="route" data-route href="/blog/one">Route</a>';
  const lab = await visit({ scrollDepth: true }, { body: tall });
  const { page } = lab;
  await page.evaluate(() => scrollTo(0, 3000));
  await page.waitForTimeout(500);
  assert.deepEqual(await lab.names(), []);
  await page.evaluate(() => scrollTo(0, 0));
  await page.waitForTimeout(300);
  await page.mouse.wheel(0, 400);
  await page.waitForTimeout(500);
  assert.deepEqual(await lab.of("scroll_depth"), []);
  await page.mouse.wheel(0, 2100);
  await page.waitForFunction(() => told.length === 2);
  await page.mouse.wheel(0, -2000);
  await page.waitForTimeout(400);
  await page.mouse.wheel(0, 9000);
  await page.waitForFunction(() => told.length === 4);
  assert.deepEqual(await lab.of("scroll_depth"), [25, 50, 75, 100].map((percent) => ({ percent })));
  await page.click("#route");
  await page.evaluate(() => scrollTo(0, 0));
  await page.waitForTimeout(400);
  assert.equal((await lab.names()).length, 4);
  await page.mouse.wheel(0, 2600);
  await page.waitForFunction(() => told.length === 6);
  await lab.close();
});

test("in a page whose document cannot scroll, the large box counts and a small one does not", async () => {
  const body = '<style>html,body{margin:0;height:100%;overflow:hidden}</style><div id="small" style="height:100px;overflow:auto"><div style="height:900px"></div></div><div id="large" style="height:500px;overflow:auto"><div style="height:3000px"></div></div>';
  const lab = await visit({ scrollDepth: true }, { body });
  await lab.page.mouse.move(50, 50);
  await lab.page.mouse.wheel(0, 2000);
  await lab.page.waitForTimeout(500);
  assert.equal(await lab.page.evaluate(() => document.querySelector("#small").scrollTop > 0), true);
  assert.deepEqual(await lab.names(), []);
  await lab.page.mouse.move(50, 300);
  await lab.page.mouse.wheel(0, 5000);
  await lab.page.waitForFunction(() => told.length === 4);
  await lab.close();
});

/** A tab that Playwright does not hold, for it keeps its own visible whatever happens to their window. */
async function tab(url) {
  const cdp = await browser().newBrowserCDPSession();
  const { targetId } = await cdp.send("Target.createTarget", { url });
  const { sessionId } = await cdp.send("Target.attachToTarget", { targetId, flatten: false });
  const answers = new Map();
  cdp.on("Target.receivedMessageFromTarget", ({ message }) => {
    const { id, result } = JSON.parse(message);
    answers.get(id)?.(result);
  });
  const send = async (method, params) => {
    const id = answers.size + 1;
    const answer = new Promise((resolve) => answers.set(id, resolve));
    await cdp.send("Target.sendMessageToTarget", { sessionId, message: JSON.stringify({ id, method, params }) });
    return answer;
  };
  const evaluate = async (expression) => (await send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true })).result.value;
  const until = async (expression) => {
    while (!(await evaluate(`Boolean(${expression})`))) await new Promise((resolve) => setTimeout(resolve, 30));
  };
  const { windowId } = await cdp.send("Browser.getWindowForTarget", { targetId });
  const turn = async (windowState, visibility) => {
    await cdp.send("Browser.setWindowBounds", { windowId, bounds: { windowState } });
    await until(`document.visibilityState === "${visibility}"`);
  };
  return {
    evaluate,
    until,
    hide: () => turn("minimized", "hidden"),
    show: () => turn("normal", "visible"),
    close: () => cdp.send("Target.closeTarget", { targetId }).then(() => cdp.detach()),
  };
}

test("only visible time counts, in whole seconds, told as the page is hidden and kept by the engine", async () => {
  const lab = await visit({}, {});
  const other = await tab(`${lab.place.url}/shop/list`);
  await other.until("globalThis.begun");
  await other.evaluate("stop = capture(keepset, { dwell: true }); globalThis.from = performance.now(); told");
  await wait(1300);
  await other.hide();
  const visible = await other.evaluate("(performance.now() - from) / 1000");
  const first = await other.evaluate("told");
  await wait(2600);
  await other.show();
  const again = await other.evaluate("performance.now()");
  await wait(1200);
  await other.hide();
  const told = (await other.evaluate("told")).map(([, { seconds }]) => seconds);
  const all = visible + (await other.evaluate(`(performance.now() - ${again}) / 1000`));
  assert.equal(first.length, 1);
  assert.ok(told.every((seconds) => Number.isInteger(seconds) && seconds >= 1), told.join());
  const sum = told.reduce((total, seconds) => total + seconds, 0);
  // Rounded down, and the switches themselves take a moment.
  assert.ok(sum >= 2 && sum <= Math.ceil(all), `${sum} of ${all} visible seconds`);
  await other.until(`keepset.has("visible")`);
  assert.equal(await other.evaluate(`keepset.explain("visible").then((why) => why.condition.value)`), sum);
  await other.close();
  await lab.close();
});

test("the time on a route is told when the route is left, and nothing more after stop", async () => {
  const lab = await visit({ dwell: true });
  await lab.page.waitForTimeout(1100);
  assert.deepEqual(await lab.names(), []);
  await lab.page.click("#route");
  assert.deepEqual(await lab.of("dwell"), [{ seconds: 1 }]);
  await lab.page.waitForTimeout(1100);
  await lab.page.evaluate(() => { stop(); history.pushState(null, "", "/shop/list"); });
  assert.equal((await lab.names()).length, 1);
  await lab.close();
});

test("time and an abandoned form are in the engine on the next page, when a link is followed", async () => {
  // A next page that is there within a tenth of a second is a fast one.
  const lab = await visit({ dwell: true, form: true }, { serve: { wait: (url) => (url.includes("next") ? 100 : 0) } });
  await lab.page.click("#name");
  await lab.page.keyboard.type("x");
  await lab.page.waitForTimeout(1100);
  await lab.page.click("#within");
  await lab.page.waitForURL(/next/);
  await lab.begun();
  assert.equal(await lab.engine("n_form_start"), 1);
  assert.equal(await lab.engine("n_form_abandon"), 1);
  assert.ok((await lab.engine("visible")) >= 1);
  await lab.close();
});
