// The signs of frustration `keepset/capture` tells, and what looks like one and is none.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

import { BODY, centre, clicks, DEAD_MS, frustration, later, pack, shake, visit } from "./support/capture.mjs";

test("three quick clicks on a spot are rage, once a burst", async () => {
  const lab = await visit({ rageClick: true });
  await clicks(lab.page, "#dead", 7);
  assert.deepEqual(await lab.names(), ["rage_click"]);
  await lab.page.waitForTimeout(1100);
  await clicks(lab.page, "#card", 3);
  assert.deepEqual(await lab.names(), ["rage_click", "rage_click"]);
  await lab.page.waitForFunction(() => keepset.explain("n_rage_click").then((why) => why.condition.value === 2));
  await lab.close();
});

test("ordinary clicking is no rage: a double click, text selected, slow clicks, clicks here and there, fields, labels, keys, exceptions", async () => {
  const lab = await visit({ rageClick: { except: ".stepper" } }, { body: `${BODY}<div class="stepper"><button id="plus">+</button></div><div style="height:10px"></div>` });
  const { page } = lab;
  await page.dblclick("#dead");
  await page.waitForTimeout(1100);
  await page.click("#text", { clickCount: 3 });
  await page.waitForTimeout(1100);
  await clicks(page, "#dead", 4, 560);
  await page.waitForTimeout(1100);
  for (const id of ["#dead", "#works", "#text"]) await clicks(page, id, 1, 20);
  await page.waitForTimeout(1100);
  await clicks(page, "#name", 5);
  await clicks(page, "#label", 5);
  await clicks(page, "#plus", 6);
  await page.waitForTimeout(1100);
  await page.focus("#dead");
  for (let n = 0; n < 5; n += 1) await page.keyboard.press("Enter");
  await page.evaluate(() => { for (let n = 0; n < 5; n += 1) document.querySelector("#dead").click(); });
  assert.deepEqual(await lab.names(), []);
  await lab.close();
});

test("clicks that keep selecting text become rage with the fourth", async () => {
  const lab = await visit({ rageClick: true });
  await lab.page.click("#text", { clickCount: 3, delay: 5 });
  assert.deepEqual(await lab.names(), []);
  await lab.page.waitForTimeout(1100);
  const [x, y] = await centre(lab.page, "#text");
  await lab.page.mouse.move(x, y);
  const done = [];
  for (const clickCount of [1, 2, 3, 3, 3]) done.push(lab.page.mouse.down({ clickCount }), lab.page.mouse.up({ clickCount }));
  await Promise.all(done);
  assert.deepEqual(await lab.names(), ["rage_click"]);
  await lab.close();
});

const WIDGETS = `
  <button id="nothing">Nothing</button> <div id="hand" style="cursor:pointer">Hand</div> <a id="hash" href="#">Hash</a> <a id="void" href="javascript:;">Void</a>
  <a id="stopped" href="/next">Stopped</a> <div id="role" role="button" tabindex="0">Role</div> <span id="host"></span>
  <p id="text">Just text</p> <input id="field"> <label id="label"><input type="checkbox"> Label</label> <select id="select"><option>One</option></select>
  <button id="text-change">Text</button> <button id="attribute">Attribute</button> <button id="slow">Slow</button> <button id="press">Press</button>
  <button id="scrolls">Scrolls</button> <button id="focuses">Focuses</button> <button id="selects">Selects</button>
  <button id="routes">Routes</button> <a id="part" href="#text">Part</a> <a id="mail" href="mailto:a@b.example">Mail</a> <a id="blank" href="/next" target="_blank">Blank</a>
  <form id="form"><input id="must" required> <button id="send">Send</button></form> <details><summary id="summary">More</summary>Text</details>
  <button id="popover" popovertarget="pop">Pop</button><div id="pop" popover>Pop</div> <button id="current" aria-current="page">Current</button>
  <button id="head">Head</button> <button id="excepted">Excepted</button> <span id="open"></span> <button id="busy">Busy</button> <button id="asks">Asks</button>
  <canvas id="canvas" style="cursor:pointer" width="20" height="20"></canvas>
  <div style="height:3000px"></div>`;
const behave = () => {
  const on = (id, does, type = "click") => document.querySelector(id).addEventListener(type, does);
  const shadow = (id) => { const root = document.querySelector(id).attachShadow({ mode: "open" }); root.append(document.createElement("button")); root.firstChild.textContent = "In"; return root; };
  on("#stopped", (event) => event.preventDefault());
  shadow("#host");
  const open = shadow("#open");
  open.firstChild.addEventListener("click", () => open.append("!"));
  on("#text-change", (event) => { event.target.firstChild.data = "Changed"; });
  on("#attribute", () => { document.documentElement.dataset.theme = "dark"; });
  on("#slow", () => setTimeout(() => document.body.append("late"), 800));
  on("#press", () => document.body.append("pressed"), "pointerdown");
  on("#scrolls", () => scrollTo(0, 50));
  on("#focuses", () => document.querySelector("#field").focus());
  on("#selects", () => getSelection().selectAllChildren(document.querySelector("#text")));
  on("#routes", () => history.pushState(null, "", "/routed"));
  on("#head", () => document.head.append(document.createElement("script")));
  on("#busy", () => { for (const end = performance.now() + 1700; performance.now() < end; ); });
  on("#asks", () => confirm("Sure?"));
  on("#mail", (event) => { if (!event.isTrusted) event.preventDefault(); });
};

test("a click that does nothing on what looks clickable is dead, by mouse and by key", async () => {
  for (const id of ["#nothing", "#hand", "#hash", "#void", "#stopped", "#role", "#host", "#head"]) {
    const lab = await visit({ deadClick: true }, { body: WIDGETS });
    await lab.page.evaluate(behave);
    await lab.page.click(id);
    await lab.page.waitForTimeout(700);
    assert.deepEqual(await lab.names(), [], `${id}: too early`);
    await lab.page.waitForTimeout(DEAD_MS - 700);
    assert.deepEqual(await lab.names(), ["dead_click"], id);
    await lab.close();
  }
  const lab = await visit({ deadClick: true }, { body: WIDGETS });
  await lab.page.focus("#nothing");
  await lab.page.keyboard.press("Enter");
  await lab.page.waitForFunction(() => told.length === 1);
  await clicks(lab.page, "#nothing", 5);
  await lab.page.waitForTimeout(DEAD_MS);
  assert.deepEqual(await lab.names(), ["dead_click", "dead_click"], "a burst is one");
  await lab.close();
});

test("a click that does something is not dead, whatever it does", async () => {
  const lab = await visit({ deadClick: { except: "#excepted" } }, { body: WIDGETS });
  const { page, context } = lab;
  context.on("page", (popup) => popup.close().catch(() => undefined));
  page.on("dialog", async (dialog) => { await wait(1700); await dialog.dismiss(); });
  await page.evaluate(behave);
  const ids = ["#text", "#field", "#field", "#label", "#text-change", "#attribute", "#slow", "#press", "#scrolls", "#focuses", "#selects", "#routes", "#part", "#mail", "#blank", "#send", "#summary", "#popover", "#current", "#excepted", "#open", "#busy", "#asks", "#canvas"];
  for (const id of ids) {
    await page.evaluate(() => { scrollTo(0, 0); getSelection().removeAllRanges(); document.activeElement.blur(); document.querySelector("#pop").hidePopover(); });
    await page.bringToFront();
    await page.waitForTimeout(50);
    await page.click(id);
    await page.waitForTimeout(DEAD_MS);
    assert.deepEqual(await lab.names(), [], id);
  }
  await lab.close();
});

test("a link that leads to a page is not dead, however long the page takes", async () => {
  const lab = await visit({ deadClick: true }, { body: `${WIDGETS}<a id="within" href="/next">Next</a><button id="sends">Sends</button>`, serve: { wait: (url) => (url.includes("next") ? 2000 : 0) } });
  await lab.page.evaluate(() => document.querySelector("#sends").addEventListener("click", () => { location.href = "/next?slow"; }));
  for (const id of ["#within", "#sends"]) {
    await lab.page.click(id, { noWaitAfter: true });
    await wait(DEAD_MS);
    // Still on the page, and the next one is on its way.
    await lab.page.waitForURL(/next/);
    await lab.begun();
    assert.equal(await lab.engine("n_dead_click"), 0, id);
    await lab.page.goto(`${lab.place.url}/shop/list`);
    await lab.begun();
    await lab.page.evaluate(() => document.querySelector("#sends").addEventListener("click", () => { location.href = "/next?slow"; }));
  }
  await lab.close();
});

test("a mouse shaken to and fro is thrashing, once a burst; slow, short, few turns and dragging are not", async () => {
  const lab = await visit({ thrash: true });
  const { page } = lab;
  await shake(page, { turns: 20 });
  assert.deepEqual(await lab.names(), ["thrash"]);
  await page.waitForTimeout(1600);
  await shake(page, { turns: 8, pause: 350 });
  await shake(page, { turns: 16, way: 30 });
  await page.waitForTimeout(1600);
  await shake(page, { turns: 4 });
  await page.waitForTimeout(1600);
  await page.mouse.down();
  await shake(page, { turns: 16 });
  await page.mouse.up();
  assert.deepEqual(await lab.names(), ["thrash"]);
  await page.waitForTimeout(1600);
  await shake(page, { turns: 10 });
  assert.deepEqual(await lab.names(), ["thrash", "thrash"]);
  await lab.close();
});

test("errors nothing caught are told at most once in five seconds; notices, missing pictures and given-up requests are not", async () => {
  const lab = await visit({ scriptError: true }, { before: later });
  const { page } = lab;
  await page.evaluate(async () => {
    const image = new Image();
    image.src = "/missing.png";
    document.body.append(image);
    try { throw new Error("caught"); } catch { /* Caught. */ }
    Promise.reject(new Error("caught")).catch(() => undefined);
    const given = new AbortController();
    void fetch("/pack.json", { signal: given.signal });
    given.abort();
    const box = document.body.appendChild(document.createElement("div"));
    new ResizeObserver(() => { box.style.width = `${box.offsetWidth + 1}px`; }).observe(box);
    box.style.width = "50px";
    await new Promise((resolve) => setTimeout(resolve, 300));
  });
  assert.deepEqual(await lab.names(), []);
  await page.evaluate(() => { for (let n = 0; n < 50; n += 1) setTimeout(() => { throw new Error("secret"); }); });
  await page.waitForTimeout(200);
  assert.deepEqual(await lab.names(), ["script_error"]);
  await page.evaluate(() => { later = 5100; void Promise.reject(new Error("secret")); });
  await page.waitForFunction(() => told.length === 2);
  assert.ok(lab.problems.length >= 51, "the page's errors stay the page's");
  await lab.close();
});

test("the documented score rises with each kind by its weight, and its segment is entered and explained", async () => {
  const scored = { ...pack, features: { ...frustration.features }, segments: frustration.segments };
  const lab = await visit({ rageClick: true, deadClick: true }, { files: { "/pack.json": JSON.stringify(scored) } });
  await clicks(lab.page, "#dead", 4);
  await lab.page.waitForFunction(() => told.length === 2);
  await lab.page.waitForFunction(() => keepset.has("frustrated"));
  // Three for the rage and two for the dead end, and hardly a moment to forget.
  const score = await lab.page.evaluate(() => keepset.explain("frustrated").then((why) => why.condition.value));
  assert.ok(score > 4.9 && score <= 5, `${score}`);
  await lab.close();
});
