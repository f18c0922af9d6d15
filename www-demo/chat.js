/** A box to write to the shop: the tone becomes a number where it was written, and the words go nowhere. */

import { at, h } from "./dom.js";

/** What scores texts, loaded when somebody begins to write; one that did not come is asked for again, under another address, for browsers keep what failed under its own. */
let scoring;
let failed = 0;
const scorer = () => (scoring ??= load(failed ? `./pkg/sentiment.js?${failed}` : "./pkg/sentiment.js"));

async function load(address) {
  try {
    const { sentiment } = await import(address);
    return await sentiment();
  } catch (error) {
    scoring = undefined;
    failed += 1;
    throw error;
  }
}

/** What the shop answers; it knows the sign of the number and nothing else. */
const ANSWERS = [
  { from: 0.3, says: "How good to hear! We will tell the hens." },
  { from: -0.3, says: "Thank you, we will look at it." },
  { from: -1, says: "We are sorry. Tell us what went wrong, and we will put it right." },
];

/** Builds the box. */
export function chat(app) {
  const field = at("message");
  field.addEventListener("focus", () => scorer().catch(() => undefined), { once: true });

  at("chat").addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (text === "") return;
    let scores;
    try {
      scores = await scorer();
    } catch {
      at("said").replaceChildren(h("p", {}, "Your message could not be read just now. It is still here: send it again in a moment."));
      return;
    }
    field.value = "";
    const tone = Math.round(scores.score(text) * 100) / 100;
    const took = app.tell("chat", { tone });
    const { says } = ANSWERS.find(({ from }) => tone >= from);
    at("said").replaceChildren(
      h("p", {}, says),
      h("p", { class: took ? "noted" : "noted off" }, took
        ? `Noted on this device: a message, its tone ${signed(tone)}. The words are gone.`
        : "Not noted: the first switch is off. The words are gone all the same."));
    at("tone").hidden = !took;
  });

  return { render() {} };
}

/** "+0.62", "−0.62" */
const signed = (tone) => `${tone < 0 ? "−" : "+"}${Math.abs(tone).toFixed(2)}`;
