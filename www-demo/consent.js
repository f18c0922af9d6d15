/** The four switches. Each is a purpose of its own, each starts off, and each says what it does in one sentence. */

import { at, h } from "./dom.js";
import { count } from "./words.js";

export const PURPOSES = ["segmentation", "storage", "reporting", "sharing"];

/** What each switch says; `out` marks those that let something leave. */
function texts({ plan, labels, segments }) {
  const weeks = plan ? count((plan.epoch_days * plan.window_epochs) / 7, "week") : "window";
  return {
    segmentation: { name: "Work out my segments", says: "What I do here may become segments, inside this browser and nowhere else." },
    storage: { name: "Remember me here", says: "My segments may be kept in this browser, so that a reload does not forget them." },
    reporting: { name: "Send noisy answers", says: `One short answer per ${weeks} may leave, mixed with so much chance that nobody can be sure of mine.`, out: true },
    sharing: { name: "Share my segments", says: shares(labels, segments), out: true },
  };
}

/** What sharing would tell whom, in the words of the terms. */
function shares(labels, segments) {
  if (!labels) return "This shop asks for none of my segments.";
  const titles = labels.segments.map(({ id }) => `“${segments.find((segment) => segment.id === id)?.title ?? id}”`);
  return `${labels.purpose} About once in ${count(labels.every_days, "day")} the shop learns whether I am in ${titles.join(" or ")}, without chance in it, under a name that changes. Turning this off takes it back.`;
}

/** Builds the switches over `app.client.consent`. */
export function consent(app) {
  const inputs = new Map();
  for (const [purpose, { name, says, out }] of Object.entries(texts(app.pack))) {
    const input = h("input", { type: "checkbox", role: "switch", id: `switch-${purpose}`, "aria-describedby": `says-${purpose}` });
    input.addEventListener("change", () => app.choose({ [purpose]: input.checked ? "granted" : "denied" }));
    inputs.set(purpose, input);
    at("switches").append(h("li", {}, h("label", { class: out && "out", for: input.id },
      h("b", {}, name), input, h("small", { id: `says-${purpose}` }, says))));
  }

  const granted = () => PURPOSES.filter((purpose) => app.granted(purpose)).length;
  at("consent-all").addEventListener("click", () => {
    const choice = granted() === PURPOSES.length ? "denied" : "granted";
    app.choose(Object.fromEntries(PURPOSES.map((purpose) => [purpose, choice])));
  });

  return {
    /** Shows the choices in effect. */
    render() {
      const running = app.client.error === null;
      for (const [purpose, input] of inputs) Object.assign(input, { checked: app.granted(purpose), disabled: !running });
      at("consent-all").disabled = !running;
      const on = granted();
      at("consent-all").textContent = on === PURPOSES.length ? "Turn all four off" : "Turn all four on";
      at("consent-note").textContent = on === 0 ? allOff(app) : `${on} of 4 on. Turning one off stops it at once and erases what it was for.`;
    },
  };
}

function allOff(app) {
  const { stored, requests } = app.measured;
  if (stored === 0 && requests === 0) return "Four switches, all off. Nothing has happened: 0 bytes stored, 0 requests made.";
  const kept = stored === 0 ? "Nothing is stored in this browser" : "What is still stored is your refusal and the spent budget";
  return `All four are off. ${kept}, and nothing more will leave.`;
}
