// `<keepset-why>` in Chromium under a strict policy: it says why, why not and what would change it, and follows what happens.
import assert from "node:assert/strict";
import { test } from "node:test";

import { elementPage, html, parts, said, says, usableByAll } from "./support/element.mjs";
import { DAY, shop } from "./support/packs.mjs";
import { grant, track } from "./support/visit.mjs";

const orders = (value) => ({ feature: "orders", op: ">=", value });
/** A segment of every kind of condition, wanted and unwanted. */
const WILD = {
  id: "wild",
  title: "Wild",
  reason: "because everything fits",
  enter: {
    all: [
      { any: [orders(2), { feature: "ordered", between: [3, 9] }] },
      { not: { any: [{ feature: "orders", op: ">", value: 5 }, { segment: "fan" }, { not: { segment: "buyer" } }] } },
      { not: { at_least: 2, of: [{ experiment: "spring", in: ["offer", "control"] }, { feature: "orders", between: [5, 9] }, { feature: "ordered", op: "=", value: 4 }] } },
    ],
  },
};
const experiments = { spring: { title: "spring", salt: "2026", arms: { control: 1, offer: 1 } } };
const HELD = { id: "held", title: "Held", reason: "r", enter: orders(1), minimum_stay_days: 3 };
const pack = { segments: [...shop().segments, HELD, WILD], experiments };
const shown = (segment, more = {}) => elementPage({ name: "keepset-why", entry: "element-why", page: html(`<keepset-why segment="${segment}"></keepset-why>`), pack, ...more });

test("it says why not, with each condition, its value and what it asks, then why, as events come and time goes by", async () => {
  const { page, complaints, close } = await shown("fan");
  await says(page, /Nothing is worked out here: that is not allowed\./);
  await grant(page);
  await says(page, /^You are not in “Fan”\. What decides: .*✗ orders in 28 days: 0 \(asked: at least 11; not met\)/s);
  assert.match((await parts(page, "nearest"))[0], /11 × “t”/);
  // An event that lets nobody in or out is shown all the same.
  await track(page, 3);
  await says(page, /✗ orders in 28 days: 3 \(asked: at least 11; not met\)/);
  assert.match((await parts(page, "nearest"))[0], /8 × “t”/);
  await track(page, 8);
  await says(page, /^You are in “Fan” because you come often\. Since Jan 1, 2026.*✓ orders in 28 days: 11 \(asked: at least 11; met\)/s);
  await page.evaluate((ms) => skip(ms), 28 * DAY);
  await says(page, /^You are not in “Fan”.*✗ orders in 28 days: 0/s);
  assert.deepEqual(complaints, [], "no policy was broken");
  await close();
});

test("of what must not be so it shows the opposite, as what must, and whether that is met", async () => {
  const { page, close } = await shown("wild");
  await grant(page);
  await track(page, 2);
  await says(page, /You are in “Wild”/);
  assert.deepEqual(await page.evaluate(() => [...element.shadowRoot.querySelectorAll("li")].map((line) => line.firstChild.textContent + [...line.childNodes].slice(1).filter(({ nodeName }) => nodeName !== "UL").map(({ textContent }) => textContent).join("").replace(/(?<=: )(offer|control)/, "an arm"))), [
    "✓ All of these: met",
    "✓ One of these: met",
    "✓ orders in 28 days: 2 (asked: at least 2; met)",
    "✗ days since the last order: 0 (asked: from 3 to 9; not met)",
    "✓ All of these: met",
    "✓ orders in 28 days: 2 (asked: at most 5; met)",
    "✓ Fan: not in (asked: not in; met)",
    "✓ Buyer: in (asked: in; met)",
    "✓ At least 2 of these: met",
    "✗ spring: an arm (asked: none of offer, control; not met)",
    "✓ orders in 28 days: 2 (asked: below 5 or above 9; met)",
    "✓ days since the last order: 0 (asked: anything but 4; met)",
  ]);
  await close();
});

test("it says what holds someone beside the rule, for as long as it does, and follows its attribute to another segment", async () => {
  const { page, close } = await shown("held");
  await grant(page);
  await track(page, 1);
  await says(page, /It stays so until Jan 4, 2026.*, whatever happens\./);
  await page.evaluate((ms) => skip(ms), 4 * DAY);
  await page.evaluate(() => element.refresh());
  assert.deepEqual(await parts(page, "held"), []);
  await page.evaluate(() => { element.segment = "buyer"; });
  await says(page, /You are in “Buyer”/);
  await page.evaluate(() => { element.segment = "nobody"; });
  await says(page, /^That is not known yet\.$/);
  await close();
});

test("everybody can use it: axe finds nothing, a word says what the mark says, and an answer is announced once", async () => {
  const { page, close } = await shown("wild");
  await grant(page);
  await track(page, 2);
  await says(page, /You are in “Wild”/);
  await usableByAll(page, "why");
  const marks = await page.evaluate(() => [...element.shadowRoot.querySelectorAll("[part=mark]")].map((mark) => [mark.getAttribute("aria-hidden"), mark.textContent === "✓", !/not met/.test(mark.parentElement.firstElementChild.nextSibling.textContent + (mark.parentElement.querySelector(":scope>b")?.nextSibling.textContent ?? ""))]));
  for (const [hidden, met, word] of marks) assert.deepEqual([hidden, met], ["true", word]);
  await page.evaluate(() => {
    globalThis.news = [];
    new MutationObserver((changes) => news.push(...changes)).observe(element.shadowRoot.querySelector("[role=status]"), { childList: true, characterData: true, subtree: true });
  });
  await track(page, 1);
  await says(page, /orders in 28 days: 3/);
  assert.equal(await page.evaluate(() => news.length), 0, "another value is no news");
  await track(page, 3);
  await says(page, /You are not in “Wild”/);
  assert.ok(await page.evaluate(() => news.length) > 0);
  await close();
});

test("its texts, dates and numbers are the page's", async () => {
  const texts = { in: "Sie gehören zu {title}, {reason}.", since: "Seit {date}.", met: "erfüllt", needs: "verlangt: {needs}", ops: { ">=": "mindestens {first}" }, time: "Am {date} nicht mehr.", event: "{times} mal {title}." };
  const { page, close } = await shown("buyer", { page: html(`<keepset-why segment="buyer" texts='${JSON.stringify(texts)}'></keepset-why>`, "de") });
  await grant(page);
  await says(page, /1 mal t\./);
  await track(page, 1);
  await says(page, /^Sie gehören zu Buyer, because you bought\. Seit 01\.01\.2026.*verlangt: mindestens 1; erfüllt\)Am 29\.01\.2026/s);
  await close();
});

test("out of the page it asks nothing any more, and put back it shows what is now", async () => {
  const { page, close } = await shown("buyer");
  await grant(page);
  await says(page, /You are not in “Buyer”/);
  const asked = await page.evaluate(async () => {
    let asked = 0;
    const { features } = keepset;
    keepset.features = (...given) => ((asked += 1), features.apply(keepset, given));
    element.remove();
    keepset.track("purchase", { value: 1 });
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    return asked;
  });
  assert.equal(asked, 0);
  assert.match(await said(page), /You are not in “Buyer”/);
  await page.evaluate(() => document.querySelector("main").append(element));
  await says(page, /You are in “Buyer”/);
  await close();
});
