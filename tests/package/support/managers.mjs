// Stand-ins for consent managers of their own make, each with the public interface that its maker documents, and nothing else.

/** OneTrust: `OnetrustActiveGroups` between commas, `OneTrust.OnConsentChanged`, `OneTrust.IsAlertBoxClosed`, events of the window. */
export function oneTrustStub(window, { active = ["C0001"], answered = false } = {}) {
  const heard = [];
  const written = () => `,${active.join(",")},`;
  const globals = {
    OnetrustActiveGroups: written(),
    OneTrust: { OnConsentChanged: (changed) => heard.push(changed), IsAlertBoxClosed: () => answered },
  };
  const choose = (...groups) => {
    [active, answered] = [["C0001", ...groups], true];
    globalThis.OnetrustActiveGroups = written();
    heard.forEach((changed) => changed(Object.assign(new Event("consent.onetrust"), { detail: active })));
    for (const name of ["OneTrustGroupsUpdated", "OTConsentApplied"]) window().dispatchEvent(Object.assign(new Event(name), { detail: active }));
  };
  return { globals, choose };
}

/** Cookiebot: `consent`, `hasResponse`, and the events that come with an answer. */
export function cookiebotStub(window, { consent = {}, hasResponse = false } = {}) {
  const Cookiebot = { consent: { necessary: true, preferences: false, statistics: false, marketing: false, method: null, ...consent }, hasResponse };
  const choose = (choice) => {
    Object.assign(Cookiebot.consent, { preferences: false, statistics: false, marketing: false }, choice);
    Cookiebot.hasResponse = true;
    const event = Object.values(choice).includes(true) ? "CookiebotOnAccept" : "CookiebotOnDecline";
    for (const name of ["CookiebotOnConsentReady", "CookiebotOnLoad", event]) window().dispatchEvent(new Event(name));
  };
  return { globals: { Cookiebot }, Cookiebot, choose };
}

/** The store of c15t: `getState().has`, `.hasConsented`, and `subscribe`. */
export function c15tStub(consents = {}, answered = false) {
  const listeners = new Set();
  const store = {
    getState: () => ({ has: (category) => consents[category] === true, hasConsented: () => answered }),
    subscribe: (listener) => (listeners.add(listener), () => listeners.delete(listener)),
  };
  const choose = (choice) => {
    [consents, answered] = [choice, true];
    listeners.forEach((listener) => listener());
  };
  return { store, choose, listeners };
}
