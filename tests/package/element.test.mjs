// `<keepset-ledger>` in Chromium under a strict policy: what it shows, whether everybody can use it, and whether it tells the truth.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { collector } from "./support/collector.mjs";
import { elementPage, html, said, usableByAll } from "./support/element.mjs";
import { har, watch } from "./support/har.mjs";
import { DAY, shop } from "./support/packs.mjs";
import { grant, track } from "./support/visit.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const PLAN = { ...shop().plan, questions: [{ ...shop().plan.questions[0], reason: "To see who comes back." }] };

/** A page with the element in it, and everything it asks the network for. */
async function shown({ page: text, plan = PLAN, front, pack = {} } = {}) {
  front ??= await collector();
  const shown = await elementPage({
    name: "keepset-ledger",
    ...(text ? { page: text } : {}),
    options: { collector: front.url },
    script: `element.plan = ${JSON.stringify(plan)};`,
    pack: { plan: PLAN, ...pack },
    prepare: watch,
  });
  return { ...shown, front, traffic: shown.prepared, end: () => shown.close().then(() => front.close()) };
}

/** Answers so many days, and resolves when the element has drawn it. */
async function answer(page, days) {
  for (let day = 0; day < days; day += 1) {
    await track(page, 1);
    await page.evaluate(async (day) => (skip(day), await keepset.flush()), DAY);
  }
  await page.evaluate(() => element.refresh());
}

test("it says that nothing left, then what left, when, why, to whom and at what price, and what waits", async () => {
  const { page, front, complaints, end } = await shown();
  await page.evaluate(() => element.refresh());
  assert.match(await said(page), /Not one byte about you has left.*Stopped/s);
  await grant(page);
  await answer(page, 2);
  const text = await said(page);
  for (const words of [/Reports: 2\. Bytes: \d+\./, /ε per report2/, /ε this window2 of 2/, /ε last 365 days4 of 732/, /1\/7\.39 as likely/, /Jan 3, 2026/, /To see who comes back\./, /The shop, as one noisy answer without a name/, /set_select\(n=2, m=1, k=1, tau=1\)/, /since Jan 1, 2026/, /Nothing waits to leave\. This window has its one answer/]) assert.match(text, words);
  const sums = await page.evaluate(async () => (await keepset.ledger.list()).map(({ sha256 }) => sha256));
  for (const sum of sums) assert.ok(text.includes(sum));
  const bytes = await page.locator("keepset-ledger code").first().textContent();
  assert.equal(bytes.replaceAll(" ", ""), front.requests[1].body.toString("hex"), "the newest first");
  assert.deepEqual(complaints, [], "no policy was broken");
  assert.equal(await page.evaluate(() => getComputedStyle(element.shadowRoot.querySelector("details")).borderTopStyle), "solid", "and it has its looks");
  await end();
});

test("it tells of a report that waits, until the collector has it", async () => {
  const front = await collector([[503, "text/html", "later"]]);
  const { page, end } = await shown({ front });
  await grant(page);
  await answer(page, 1);
  assert.match(await said(page), /One report is ready\. It leaves soon, at a random moment, or never after Jan \d, 2026/);
  await page.evaluate(() => keepset.flush());
  await page.waitForFunction(() => /Reports: 1\./.test(element.shadowRoot.textContent));
  await end();
});

test("everybody can use it: axe finds nothing in light, dark and on a phone, and the keyboard reaches everything", async () => {
  const { page, context, end } = await shown();
  await grant(page);
  await answer(page, 2);
  await page.locator("keepset-ledger summary").first().click();
  await usableByAll(page, "ledger");
  const reached = [];
  await page.locator("h1").click();
  for (let step = 0; step < 4; step += 1) {
    await page.keyboard.press("Tab");
    reached.push(await page.evaluate(() => element.shadowRoot.activeElement?.textContent.replace(/\d.*/, "")));
  }
  assert.deepEqual(reached.slice(2), ["Stop all that leaves", "Save as a file"]);
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  assert.equal(await page.locator("keepset-ledger details[open]").count(), 2, "a line opens by the keyboard");
  // Drawn anew, what was open stays open and what had the focus has it.
  await answer(page, 1);
  assert.equal(await page.locator("keepset-ledger details[open]").count(), 2);
  assert.equal(await page.evaluate(() => element.shadowRoot.activeElement?.tagName), "SUMMARY");
  await context.close();
  await end();
});

test("its button withdraws consent to reports and to sharing: nothing leaves any more, and it says so", async () => {
  const { page, front, end } = await shown();
  await grant(page);
  await answer(page, 1);
  await page.locator("keepset-ledger [part=withdraw]").click();
  await page.waitForFunction(() => keepset.consent.get().reporting === "denied" && keepset.consent.get().sharing === "denied");
  await page.waitForFunction(() => !element.shadowRoot.querySelector("[part=withdraw]"));
  assert.equal(await page.locator("keepset-ledger [role=status]").textContent(), "Stopped: neither reports nor sharing is allowed. Nothing leaves but the word that takes back what you had shared.");
  await answer(page, 3);
  assert.equal(front.requests.length, 1);
  await end();
});

test("where groups alone may leave it counts them apart from reports, and the same button takes them back", async () => {
  const labels = { id: "offers", owner: "The shop", purpose: "To send you offers that fit.", text_version: 1, every_days: 1, segments: [{ id: "buyer", reason: "Buyers get other offers." }] };
  const { page, front, end } = await shown({ pack: { labels } });
  await grant(page, { segmentation: "granted", storage: "granted", sharing: "granted" });
  for (let step = 0; step < 20 && front.requests.length === 0; step += 1) await page.evaluate((ms) => (skip(ms), keepset.flush()), DAY / 4);
  await page.waitForFunction(() => /Groups shared or taken back: 1\./.test(element.shadowRoot.textContent));
  assert.match(await said(page), new RegExp(`Reports: 0\\. Bytes: 0\\.Groups shared or taken back: 1\\. Bytes: ${front.requests[0].body.length}\\.`));
  await page.locator("keepset-ledger [part=withdraw]").click();
  await page.waitForFunction(() => /Groups shared or taken back: 2\./.test(element.shadowRoot.textContent));
  assert.deepEqual(front.requests.map(({ method, url }) => `${method} ${url}`), ["POST /v1/labels", "DELETE /v1/labels"]);
  assert.deepEqual(await page.evaluate(() => [keepset.consent.get().sharing, element.shadowRoot.querySelector("[part=withdraw]")]), ["denied", null]);
  await end();
});

test("its texts, its heading, its dates and numbers are the page's", async () => {
  const { page, end } = await shown({ page: html(`<keepset-ledger texts='{"left": "Was hinausging", "outcome": {"accepted": "angekommen"}}'><h2 slot="title">Mein Register</h2></keepset-ledger>`, "de") });
  await grant(page);
  await answer(page, 1);
  const text = await said(page);
  for (const words of [/Was hinausging/, /02\.01\.2026/, /angekommen/, /1\/7,39/, /What waits/]) assert.match(text, words);
  assert.equal(await page.evaluate(() => element.shadowRoot.querySelector("slot[name=title]").assignedElements()[0].textContent), "Mein Register");
  await page.evaluate(() => { element.texts = { waits: "Was wartet" }; return element.refresh(); });
  assert.match(await said(page), /Was wartet/);
  await page.evaluate(() => { element.setAttribute("texts", "{no JSON"); return element.refresh(); });
  assert.match(await said(page), /Was wartet/, "what is no JSON changes nothing");
  await end();
});

test("what its button saves and what the browser saw on the network agree, by the command line", async () => {
  const front = await collector([[503, "text/html", "later"]]);
  const { page, traffic, end } = await shown({ front });
  await grant(page);
  await answer(page, 3);
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator("keepset-ledger [part=export]").click()]);
  const requests = await traffic();
  const folder = mkdtempSync(join(tmpdir(), "keepset-element-"));
  const file = (name) => join(folder, name);
  await download.saveAs(file("ledger.json"));
  writeFileSync(file("plan.json"), JSON.stringify(PLAN, null, 2));
  writeFileSync(file("pack.json"), JSON.stringify(shop({ plan: PLAN })));
  writeFileSync(file("traffic.har"), har(requests));
  const program = join(process.env.KEEPSET_BIN ?? join(root, "target/debug"), "keepset");
  const verify = (...more) => spawnSync(program, ["audit", "verify", file("ledger.json"), "--plan", file("plan.json"), "--pack", file("pack.json"), "--capture", file("traffic.har"), ...more], { encoding: "utf8" });
  const right = verify();
  assert.equal(right.status, 0, right.stderr + right.stdout);
  assert.match(right.stdout, /^entry +written/);
  assert.match(right.stdout, /the 4 captured bodies are exactly 3 of them/);
  // Where the browser is asked to keep a recording for the tests of the command line, it does.
  if (process.env.KEEPSET_BLESS) for (const name of ["ledger.json", "plan.json", "traffic.har"]) writeFileSync(join(root, "cli/tests/verify", name), readFileSync(file(name)));
  const [sent] = requests.filter(({ body }) => body);
  const beside = { method: "POST", url: `${front.url}/v1/other`, headers: {}, body: Buffer.from(sent.body).reverse() };
  writeFileSync(file("traffic.har"), har([...requests, beside]));
  const wrong = verify();
  assert.equal(wrong.status, 1);
  assert.match(wrong.stdout, /^request \d+ \(POST http.*\/v1\/other\): the ledger does not know this body .*\[request_unknown\]$/m);
  assert.match(wrong.stderr, /^keepset: 1 deviation: /);
  assert.match(verify("--to", `${front.url}/v1/reports`).stdout, /^1 captured requests went elsewhere/m);
  rmSync(folder, { recursive: true });
  await end();
});
