// What a visitor does beside looking and buying: asks for a prediction, searches, writes, comes by a letter, hands in a receipt.

import { appears, ask, isIn, must, PATIENCE, quietCorner, whySays } from "./kit.mjs";

/** Opens the prediction: it says a chance and what moves it. */
export async function openPrediction(page, picture) {
  await page.click("#prediction summary");
  await page.waitForFunction(() => /\d+ in 100 /.test(document.getElementById("chance").textContent), null, { timeout: PATIENCE })
    .catch(() => must(false, "the prediction says no chance"));
  await whySays(page, "#prediction", "the prediction is not explained");
  await moved(page, "products looked at in the last 7 days", "6");
  await page.evaluate(() => document.getElementById("numbers").scrollIntoView({ behavior: "instant", block: "center" }));
  await picture("prediction");
}

/** Waits until a number stands among those that moved, with this value. */
const moved = (page, title, value) =>
  page.waitForFunction(([title, value]) => [...document.querySelectorAll("#numbers li")].some((line) => line.textContent.startsWith(title) && line.querySelector("b").textContent === value), [title, value], { timeout: PATIENCE })
    .catch(() => must(false, `“${title}” did not become ${value}`));

/** Searches twice, and finds what is there. */
export async function searches(page) {
  for (const [words, found] of [["coffee", "1 of 12 fit."], ["fresh lemons", "1 of 12 fit."]]) {
    await page.fill("#query", words);
    await page.press("#query", "Enter");
    must((await page.textContent("#found")).startsWith(found), `a search for “${words}” does not say “${found}”`);
  }
  must((await page.locator(".product:visible").count()) === 1, "the shelf does not show what was found");
  await isIn(page, "looking", "two searches did not make the visitor one who looks for something");
  await page.fill("#query", "");
  await page.press("#query", "Enter");
  must((await page.locator(".product:visible").count()) === 12, "an empty search does not show all");
}

/** Writes an unhappy message: its tone is noted and its words are nowhere. */
export async function writes(page, picture) {
  const words = "I am very disappointed: the tulips arrived broken and nobody answered. Terrible service!";
  // What scores it does not come at first: the message stays, and is read when it is sent again.
  const cut = (route) => route.fulfill({ contentType: "text/javascript", body: 'throw new Error("cut off");' });
  await page.route("**/pkg/sentiment.js*", cut);
  await page.fill("#message", words);
  await page.click("#chat button");
  await page.waitForFunction(() => /could not be read/.test(document.getElementById("said").textContent), null, { timeout: PATIENCE })
    .catch(() => must(false, "nobody says that a message could not be read"));
  must((await page.inputValue("#message")) === words, "a message that could not be read is gone");
  await page.unroute("**/pkg/sentiment.js*", cut);
  await page.click("#chat button");
  await page.waitForFunction(() => /its tone −0\.\d\d/.test(document.getElementById("said").textContent), null, { timeout: PATIENCE })
    .catch(() => must(false, "an unhappy message has no tone below zero"));
  await moved(page, "messages to the shop in the last 28 days", "1");
  await isIn(page, "kind_word", "an unhappy message did not say that a kind word is due");
  await page.click("#tone summary");
  await whySays(page, "#tone", "what the tone does is not explained");
  await page.evaluate(() => document.getElementById("chat").scrollIntoView({ behavior: "instant", block: "center" }));
  await quietCorner(page);
  await picture("chat");
  const kept = JSON.stringify(await ask(page, "exportData"));
  for (const word of ["tulips", "disappointed"]) must(!kept.includes(word), `the device kept “${word}” of a message`);
}

/** Comes by the letter: a link with parameters is an event, and the page greets who followed it. */
export async function comesByLetter(page, seen) {
  const before = seen.away.length;
  await Promise.all([page.waitForEvent("load"), page.click("#letter")]);
  await appears(page, "html[data-ready]", "the page did not become ready after the letter");
  await isIn(page, "coffee_week", "the coffee letter did not make a segment");
  await appears(page, "#coffee-hello", "the page does not greet who followed the coffee letter");
  must(new URL(page.url()).search === "", "the letter's parameters are still in the address");
  must(seen.away.slice(before).every((url) => new URL(url).pathname.startsWith("/v1/")), "following the letter asked somebody else for something");
}

/** Opens the receipt twice: the purchase counts once, and no server saw it. */
export async function handsInReceipt(page, seen, picture) {
  const asked = [];
  page.on("request", (request) => /receipt=/.test(request.url()) && asked.push(request.url()));
  for (let time = 0; time < 2; time += 1) {
    await page.click("#receipt");
    await page.waitForFunction(() => location.hash === "", null, { timeout: PATIENCE }).catch(() => must(false, "the receipt was not read"));
    await isIn(page, "both_doors", "the receipt did not make the visitor one who shops in both places");
  }
  await moved(page, "orders in the store in the last 12 weeks", "1");
  const orders = (await ask(page, "features")).find(({ id }) => id === "store_orders_84d").value;
  must(orders === 1, `a receipt opened twice counts ${orders} times`);
  must(asked.length === 0 && seen.sent.length === 0, "the receipt left the device");
  await quietCorner(page);
  await page.evaluate(() => document.getElementById("receipt").scrollIntoView({ behavior: "instant", block: "center" }));
  await picture("doors");
}
