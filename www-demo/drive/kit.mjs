// What every part of the visit uses: things that must be so, waiting for them, and what the page did meanwhile.

/** Milliseconds until something that should happen counts as missing; the longest is a report's random delay of up to 8 s. */
export const PATIENCE = 20_000;

/** Something that was to happen and did not, as one sentence. */
export class Missing extends Error {}
export const must = (holds, sentence) => {
  if (!holds) throw new Missing(sentence);
};

/** How far things jumped while the page came up, as the browser counts it: from 0.1 on it is felt. */
export const shifted = (page) =>
  page.evaluate(() => new Promise((resolve) => {
    new PerformanceObserver((list) => resolve(list.getEntries().reduce((sum, { value }) => sum + value, 0))).observe({ type: "layout-shift", buffered: true });
    setTimeout(() => resolve(0), 200);
  }));

/** Counts every entering and leaving from now on, by what the page shows. */
export const countChanges = (page) =>
  page.evaluate(() => {
    globalThis.segmentsChanged = 0;
    const count = (records) => {
      const were = new Map(records.map(({ target, oldValue }) => [target, oldValue]).reverse());
      for (const [target, before] of were) {
        if (before.split(" ").includes("in") !== target.classList.contains("in")) globalThis.segmentsChanged += 1;
      }
    };
    new MutationObserver(count).observe(document.getElementById("segment-list"), { subtree: true, attributeFilter: ["class"], attributeOldValue: true });
  });

/** How many there were since the page was loaded. */
export const changes = (page) => page.evaluate(() => globalThis.segmentsChanged);

export const appears = (page, selector, sentence) =>
  page.waitForSelector(selector, { timeout: PATIENCE }).catch(() => must(false, sentence));

/** Waits until a `<keepset-why>` shows conditions. */
export const whySays = (page, where, sentence) =>
  page.waitForFunction((where) => document.querySelector(`${where} keepset-why`).shadowRoot.querySelector("[part=conditions] li"), where, { timeout: PATIENCE })
    .catch(() => must(false, sentence));

export const isIn = (page, segment, sentence) => appears(page, `#segment-${segment}.in`, sentence);

/** Asks the page's own client, after everything it was told before. */
export const ask = (page, method) =>
  page.evaluate(async (method) => (await import("./pkg/index.js")).init({ pack: "pack.keepset" })[method](), method);

/** Waits until the sentences in the corner have gone, so that a picture shows what is under them. */
export const quietCorner = (page) =>
  page.waitForFunction(() => document.getElementById("news").children.length === 0, null, { timeout: PATIENCE });
