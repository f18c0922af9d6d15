/** The other doors of the shop: a link in an e-mail, and a receipt from the store that hands over a purchase. */

import { at } from "./dom.js";
import { money } from "./products.js";

/** Letters of this shop that the pack knows; another is "other". */
const campaigns = (pack) => pack.events.landing?.properties.campaign.values ?? [];

/** Looks at the address once, and again when a receipt is opened while the page is open. */
export function doors(app) {
  landed(app);
  receipt(app);
  addEventListener("hashchange", () => receipt(app));
  return {
    /** Greets who came for the coffee: what the segment does to the page. */
    render() {
      at("coffee-hello").hidden = !app.client.has("coffee_week");
    },
  };
}

/** A link in an e-mail becomes an event; its parameters leave the address, so that a copy of it tells nobody anything. */
function landed(app) {
  const asked = new URLSearchParams(location.search);
  if (asked.get("utm_medium") !== "email") return;
  const named = asked.get("utm_campaign") ?? "";
  const campaign = campaigns(app.pack).includes(named) ? named : "other";
  const took = app.tell("landing", { campaign });
  history.replaceState(null, "", location.pathname + location.hash);
  app.say(took ? `Noted on this device: you came by our ${campaign} letter.` : "You came by a letter of ours. Not noted: the first switch is off.");
}

/**
 * A receipt's code is a link whose purchase stands behind the `#`: a browser sends that part to nobody. Its number names the
 * event, so a receipt that is opened again counts once.
 */
function receipt(app) {
  const handed = new URLSearchParams(location.hash.slice(1));
  const number = handed.get("receipt");
  if (!number) return;
  history.replaceState(null, "", location.pathname);
  const value = Number(handed.get("value"));
  if (!(value > 0 && value < 5000)) return app.say("This receipt cannot be read.");
  const took = app.tell("store_purchase", { value }, { id: number });
  app.say(took ? `Noted on this device: ${money(value)} in the store, receipt ${number}.` : "A receipt from the store. Not noted: the first switch is off.");
  at("receipt").focus({ preventScroll: true });
}
