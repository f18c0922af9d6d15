/**
 * Drives the demo page once, the way a visitor would, and proves each step:
 * `node www-demo/drive.mjs --url http://127.0.0.1:8787 --out target/demo`.
 * Writes pictures and `page.json`, and with `--docs docs` those of the docs into that folder; exits with 1 and one sentence when anything does not happen.
 */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { comesByLetter, handsInReceipt, openPrediction, searches, writes } from "./drive/doors.mjs";
import { appears, ask, changes, countChanges, Missing, must, PATIENCE, quietCorner, shifted } from "./drive/kit.mjs";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
/** A report is due by the end of the next window: four epochs of cool-down and four of waiting; one more where segments were shared just then, and one to spare. */
const WEEKS = 10;
/** Segments are shared about once a week, and never while a report waits. */
const DAYS = 40;

const { url, out, docs } = parseArgs({ options: { url: { type: "string", default: "http://127.0.0.1:8787" }, out: { type: "string", default: "target/demo" }, docs: { type: "string" } } }).values;
const base = url.replace(/\/+$/, "");
const here = createRequire(new URL("../pkg-template/package.json", import.meta.url));

/** What the page did on the network and what went wrong in it, from outside the page. */
function watch(page) {
  const seen = { away: [], sent: [], reports: 0, study: [], trouble: [] };
  page.on("request", (request) => {
    if (!request.url().startsWith(`${base}/demo/`)) seen.away.push(request.url());
    if (/\/study\.\w+$/.test(request.url())) seen.study.push(request.url());
    const [, route] = /\/v1\/(reports|labels)$/.exec(request.url()) ?? [];
    if (!route || request.method() === "OPTIONS") return;
    seen.sent.push({ what: `${request.method()} ${route}`, body: request.postDataBuffer()?.toString("hex") ?? "" });
    if (route === "reports") seen.reports += 1;
  });
  page.on("pageerror", (error) => seen.trouble.push(error.message));
  page.on("console", (message) => message.type() === "error" && seen.trouble.push(message.text()));
  return seen;
}

/** How many reports the collector has counted in each of its windows. */
async function counts() {
  const answer = await fetch(`${base}/v1/estimates`);
  must(answer.ok, `the collector answered ${answer.status} when asked for its estimates`);
  const { windows } = await answer.json();
  return windows.map(({ window, questions }) => ({ window, reports: questions.reduce((sum, { reports }) => sum + reports, 0) }));
}

/** How many reports the collector has counted in all its windows. */
const received = async () => (await counts()).reduce((sum, { reports }) => sum + reports, 0);

/** Everything the browser holds for this site. */
const held = (page) =>
  page.evaluate(async () => [
    ...(await indexedDB.databases()).map(({ name }) => `database ${name}`),
    ...(await caches.keys()).map((name) => `cache ${name}`),
    ...Object.keys(localStorage).map((key) => `localStorage ${key}`),
    ...Object.keys(sessionStorage).map((key) => `sessionStorage ${key}`),
    ...(document.cookie ? ["cookies"] : []),
  ]);

/** What the page says went wrong, to end a sentence with. */
const trouble = async (page) => ((await page.isVisible("#trouble")) ? `: ${await page.textContent("#trouble")}` : "");

async function open(page) {
  const answer = await page.goto(`${base}/demo/`, { waitUntil: "load" }).catch(() => null);
  must(answer !== null, `nothing answers at ${base}/demo/`);
  must(answer.ok(), `the collector answered ${answer.status()} when asked for the page`);
  await appears(page, "html[data-ready]", "the page did not become ready");
  const status = await page.getAttribute("html", "data-ready");
  must(status === "ready", `the engine is “${status}” instead of ready${await trouble(page)}`);
}

async function nothingBeforeConsent(page, seen) {
  await page.locator(".look").first().click();
  await page.waitForTimeout(500);
  must(seen.away.length === 0, `before consent the page already asked for ${seen.away[0]}`);
  const kept = await held(page);
  must(kept.length === 0, `before consent the browser already holds ${kept[0]}`);
  must((await page.textContent("#meter-stored")) === "0 bytes", "before consent the page does not say that 0 bytes are stored");
  must((await page.textContent("#meter-requests")) === "0", "before consent the page does not say that 0 requests were made");
  must((await page.locator(".segment.in").count()) === 0, "before consent the visitor is already in a segment");
  return { requests_before_consent: seen.away.length, stores_before_consent: kept.length };
}

async function consentAndShop(page) {
  await page.click("#consent-all");
  await page.waitForFunction(() => document.querySelectorAll("#switches :checked").length === 4, null, { timeout: PATIENCE })
    .catch(() => must(false, "the four switches did not turn on"));
  const looks = page.locator(".look");
  for (let index = 0; index < 6; index += 1) await looks.nth(index).click();
  await appears(page, ".segment.in", "looking at six products changed no segment");
}

async function openWhy(page, seen) {
  must(seen.study.length === 0, `before anyone asked why the page already loaded ${seen.study[0]}`);
  await page.locator(".segment.in").first().click();
  await appears(page, "#why[open] .test", "the explanation shows no condition");
  const said = async (id) => (await page.textContent(`#why-${id}`).catch(() => "")) ?? "";
  must(/^You are in “/.test(await said("visitor")), "the explanation has no sentence for the visitor");
  must(/^You came in on .*(after “|because )/.test(await said("change")), "the explanation does not say what made the change");
  must(/(you would be out|Nothing within reach)/.test(await said("nearest")), "the explanation does not say what would change the answer");
}

/** Turns the first switch off: what was worked out is gone, and what happens is not noted any more. */
async function stopsEverything(page) {
  await page.locator("#switch-segmentation").uncheck();
  await page.waitForFunction(() => document.querySelectorAll(".segment.in, #numbers b").length === 0, null, { timeout: PATIENCE })
    .catch(() => must(false, "with the first switch off there still are segments or numbers"));
  await page.locator(".look").first().click();
  must(/^Not noted/.test(await page.locator("#sheet .noted").textContent()), "with the first switch off a look is still noted");
  must((await page.locator(".segment.in").count()) === 0, "with the first switch off a look made a segment");
}

async function buySomething(page) {
  await page.locator(".add").nth(0).click();
  await page.locator(".add").nth(4).click();
  await page.fill("#coupon", "FENNEL");
  await page.locator(".coupon button").click();
  await page.click("#buy");
}

/** Skips week after week until a report has left; looks at the bytes first when they wait. Shared segments may leave on the way. */
async function skipUntilSent(page, seen, pictures) {
  for (let week = 0; week < WEEKS && seen.reports === 0; week += 1) {
    const before = seen.sent.length;
    await page.click("#skip-week");
    // On a busy machine the engine may still be at the week before.
    await ask(page, "features");
    const send = page.locator("#send-now");
    await send.waitFor({ timeout: 1_500 }).catch(() => undefined);
    if (!(await send.isVisible()) && seen.sent.length === before) continue;
    if (await page.locator("#next", { hasText: "noisy answer" }).isVisible()) {
      await page.locator("#next").scrollIntoViewIfNeeded();
      await pictures("next");
    }
    await sendNow(page);
    await inLedgerAre(page, seen.sent.length, "what was due did not appear in the ledger as received");
  }
  must(seen.reports > 0, `no report left in ${WEEKS} weeks`);
}

/** Sends what waits, and goes on when nothing does any more: what is on its way while a week is skipped is too late. */
async function sendNow(page) {
  const send = page.locator("#send-now");
  // It may leave by itself between looking and clicking.
  await send.click({ timeout: 2_000 }).catch(() => undefined);
  await send.waitFor({ state: "hidden", timeout: PATIENCE }).catch(() => must(false, "what was sent still waits"));
}

/** Waits until the ledger shows so many messages as received. */
const inLedgerAre = (page, count, sentence) =>
  page.waitForFunction((count) => document.querySelector("keepset-ledger").shadowRoot.querySelectorAll("[part~=accepted]").length >= count, Math.max(count, 1), { timeout: PATIENCE })
    .catch(async () => must(false, `${sentence}${await trouble(page)}`));

/** What the ledger shows as received by the collector. */
const LEFT = "keepset-ledger [part~=accepted]";

/** The bodies the ledger shows, in hexadecimal, oldest first. */
const inLedger = (page) =>
  page.locator(`${LEFT} [part=bytes]`).evaluateAll((all) => all.map((one) => one.textContent.replace(/\s/g, "")).reverse());

async function ledgerIsTheNetwork(page, seen, before) {
  const shown = await inLedger(page);
  must(shown.length > 0 && shown.join() === seen.sent.map(({ body }) => body).join(), "the ledger does not show exactly the bytes that were sent");
  const until = Date.now() + PATIENCE;
  while ((await received()) !== before + seen.reports) {
    must(Date.now() < until, `the collector counts ${(await received()) - before} more reports, and the page sent ${seen.reports}`);
    await page.waitForTimeout(250);
  }
  return seen.reports;
}

/** Lives on until segments were shared, turns sharing off, and looks: they are taken back at once, and no more are shared. */
async function sharesAndTakesBack(page, seen, picture) {
  const count = (what) => seen.sent.filter((one) => one.what === what).length;
  for (let day = 0; day < DAYS && count("POST labels") === 0; day += 1) {
    await page.click("#skip-day");
    await ask(page, "features");
    await page.waitForTimeout(300);
    if (await page.locator("#send-now").isVisible()) await sendNow(page);
  }
  must(count("POST labels") > 0, `no segments were shared in ${DAYS} days`);
  await page.waitForFunction(() => document.querySelector("keepset-ledger")?.shadowRoot?.querySelector("[part=shared]"), null, { timeout: PATIENCE })
    .catch(() => must(false, "the ledger does not say that segments were shared"));
  const before = count("POST labels");
  await page.locator("#switch-sharing").uncheck();
  const until = Date.now() + PATIENCE;
  while (count("DELETE labels") === 0) {
    must(Date.now() < until, "turning sharing off did not take back what was shared");
    await page.waitForTimeout(100);
  }
  await inLedgerAre(page, seen.sent.length, "the ledger does not show the word that took back what was shared");
  await quietCorner(page);
  await page.evaluate(() => document.getElementById("consent").scrollIntoView({ behavior: "instant" }));
  await picture("sharing-off");
  for (let day = 0; day < 8; day += 1) {
    await page.click("#skip-day");
    await page.waitForTimeout(100);
  }
  must(count("POST labels") === before, "segments were shared after sharing was turned off");
  return before;
}

async function deletesEverything(page) {
  await page.click("#delete");
  await page.click("#delete-yes");
  await page.waitForFunction(() => !document.getElementById("sure").open, null, { timeout: PATIENCE })
    .catch(() => must(false, "“Delete everything” did not finish"));
  const kept = await held(page);
  must(kept.length === 0, `after “Delete everything” the browser still holds ${kept[0]}`);
}

/** Takes the pictures of one size; `name` is added in front. */
const camera = (page) => async (name) => {
  const width = page.viewportSize().width;
  await page.screenshot({ path: join(out, `${name}-${width}.png`) });
};

/** A picture for the docs: what is on the screen, small enough for a page. */
async function docsPicture(page, name) {
  if (!docs) return;
  await quietCorner(page);
  await page.screenshot({ path: join(docs, `demo-${name}.jpg`), type: "jpeg", quality: 82 });
}

/** Everybody can use what is on the screen now: axe finds nothing, in light and in dark. */
async function accessible(page, where) {
  await page.evaluate(await readFile(here.resolve("axe-core/axe.min.js"), "utf8"));
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await page.evaluate(() => globalThis.axe.run(document));
    must(violations.length === 0, `${where} in ${colorScheme} breaks ${violations[0]?.id} at ${violations[0]?.nodes[0].target}`);
  }
}

/** The same page on a phone, in pictures. */
async function phonePictures(page) {
  const picture = camera(page);
  await page.setViewportSize(PHONE);
  await page.evaluate(() => scrollTo(0, 0));
  await picture("shop");
  await page.locator("#ledger").scrollIntoViewIfNeeded();
  await page.evaluate(() => document.getElementById("ledger").scrollIntoView({ behavior: "instant" }));
  await picture("ledger");
  await page.locator(".segment.in, .segment").first().click();
  await appears(page, "#why[open] .test", "the explanation shows no condition on a phone");
  await picture("why");
  await page.keyboard.press("Escape");
  await accessible(page, "the page on a phone");
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  must(wide <= 0, `the page is ${wide} pixels wider than a phone`);
}

/** The dashboard's fullest window: the visitor's own holds one report, from which nothing is printed. */
async function dashboardPictures(context) {
  const { window } = (await counts()).reduce((most, one) => (one.reports > most.reports ? one : most));
  const page = await context.newPage();
  for (const size of [DESKTOP, PHONE]) {
    await page.setViewportSize(size);
    const answer = await page.goto(`${base}/?window=${window}`);
    must(answer?.ok(), `the dashboard answered ${answer?.status()}`);
    await page.screenshot({ path: join(out, `dashboard-${size.width}.png`) });
  }
  await page.close();
}

/** The whole visit. */
async function visit(context) {
  const page = await context.newPage();
  const seen = watch(page);
  const picture = camera(page);
  await open(page);
  must((await shifted(page)) < 0.1, "things jump while the page comes up");
  const quiet = await nothingBeforeConsent(page, seen);
  await page.locator("#sheet button").click();
  await page.evaluate(() => scrollTo(0, 0));
  await picture("shop");
  await countChanges(page);
  const before = await received();
  await consentAndShop(page);
  await page.evaluate(() => document.getElementById("shop").scrollIntoView({ behavior: "instant" }));
  await picture("segments");
  await docsPicture(page, "shop");
  await openWhy(page, seen);
  await picture("why");
  await accessible(page, "the explanation");
  await page.keyboard.press("Escape");
  await openPrediction(page, picture);
  await searches(page);
  await buySomething(page);
  await writes(page, picture);
  await accessible(page, "the page with everything open");
  const first = await changes(page);
  await comesByLetter(page, seen);
  await countChanges(page);
  await handsInReceipt(page, seen, picture);
  must(seen.sent.length === 0, "something left before its time");
  await quietCorner(page);
  await skipUntilSent(page, seen, picture);
  await page.evaluate(() => document.getElementById("ledger").scrollIntoView({ behavior: "instant" }));
  await quietCorner(page);
  await picture("ledger");
  await docsPicture(page, "ledger");
  await accessible(page, "the page");
  const reports = await ledgerIsTheNetwork(page, seen, before);
  const changed = first + (await changes(page));
  must(changed > 0, "no segment changed");
  const shared = await sharesAndTakesBack(page, seen, picture);
  await ledgerIsTheNetwork(page, seen, before);
  await quietCorner(page);
  await phonePictures(page);
  await dashboardPictures(context);
  await stopsEverything(page);
  await deletesEverything(page);
  must(seen.trouble.length === 0, `the page reported an error: ${seen.trouble[0]}`);
  return { segments_changed: changed, reports_sent: reports, labels_sent: shared, report_received: true, bytes_sent: seen.sent.map(({ body }) => body).join("").length / 2, ...quiet };
}

async function main() {
  await mkdir(out, { recursive: true });
  const { chromium } = here("playwright-core");
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: FLAGS });
  try {
    const context = await browser.newContext({ viewport: DESKTOP, reducedMotion: "reduce", colorScheme: "light" });
    const result = await visit(context);
    await writeFile(join(out, "page.json"), `${JSON.stringify(result, null, 2)}\n`);
    console.log(`the page changed ${result.segments_changed} segments and sent ${result.reports_sent} report(s), which the collector received, and shared segments ${result.labels_sent} time(s) until they were taken back`);
  } finally {
    await browser.close();
  }
}

await main().catch((error) => {
  console.error(`The demo page failed: ${error instanceof Missing ? error.message : error.message.split("\n")[0]}.`);
  process.exitCode = 1;
});
