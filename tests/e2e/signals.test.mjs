// By which signal a person agreed to share, from the consent platform of a page to the export of the collector that ships.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { ALL, CMP, follow } from "../package/support/cmp.mjs";
import { compiled } from "../package/support/compiled.mjs";
import { gppData, tcfeuv2 } from "../package/support/consent.mjs";
import { DAY, sharing } from "../package/support/packs.mjs";
import { code, HTML, installed, visit } from "../package/support/visit.mjs";
import { collect, folder, keys, programs } from "./support/programs.mjs";

const TYPES = ["analytics_storage", "functionality_storage", "personalization_storage", "ad_user_data", "ad_personalization"];
const CHOICE = { segmentation: "granted", storage: "granted", sharing: "granted" };
const GPP = `globalThis.__gpp = (command, callback) => command === "addEventListener" ? callback({ ...${JSON.stringify(gppData({ tcfeuv2: tcfeuv2({ publisher: ALL }) }, [2]))}, listenerId: 1 }, true) : callback(true, true);`;

/** How each platform comes to a page that follows it, and says yes. */
const PLATFORMS = {
  tcf: { setup: `${CMP} cmp("tcloaded", ${JSON.stringify(ALL)});` },
  gpp: { setup: GPP },
  gcm: { setup: `globalThis.dataLayer = [["consent", "update", ${JSON.stringify(Object.fromEntries(TYPES.map((type) => [type, "granted"])))}]];` },
  // The page's own dialog beside a manager that agrees: a platform has the word.
  "tcf and the page": { setup: `${CMP} cmp("tcloaded", ${JSON.stringify(ALL)});`, choice: CHOICE, says: "tcf" },
  page: { setup: "", choice: CHOICE },
};

test("a label says whether the page, TCF, GPP or Google Consent Mode granted it, and the collector reads it so", async () => {
  const home = folder();
  const own = keys();
  const pack = sharing({ collector: own.published });
  pack.labels.least = 2;
  const terms = join(home, "terms.json");
  const store = join(home, "labels.sqlite");
  writeFileSync(terms, JSON.stringify(pack.labels));
  const collector = await collect(home, own.file, "--labels", terms, "--label-store", store);
  const shipped = compiled(installed, pack);
  for (const { setup, choice } of Object.values(PLATFORMS)) {
    const page = `${code({ pack: "/pack.keepset", collector: collector.url })}${follow({})}`;
    const shop = await visit({ files: { "/": HTML, "/page.js": page, "/pack.keepset": shipped }, serve: { csp: `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' ${collector.url}` } });
    if (setup) await shop.context.addInitScript(setup);
    const tab = await shop.enter();
    if (choice) await tab.evaluate((choice) => keepset.consent.set(choice), choice);
    await tab.waitForFunction(() => keepset.consent.get().sharing === "granted");
    await tab.evaluate(() => keepset.track("purchase", { value: 1 }));
    const accepted = () => tab.evaluate(() => keepset.ledger.list().then((list) => list.some(({ kind, outcome }) => kind === "label" && outcome === "accepted")));
    for (let step = 0; step < 30 && !(await accepted()); step += 1) await tab.evaluate((ms) => (skip(ms), keepset.flush()), (7 * DAY) / 24);
    assert.ok(await accepted());
    await shop.close();
  }
  const rows = execFileSync(join(programs, "keepset-collector"), ["labels", "export", "--labels", terms, "--label-store", store], { encoding: "utf8" }).trim().split("\n");
  const column = rows[0].split(",").indexOf("signal");
  const said = rows.slice(1).map((row) => row.split(",")[column]);
  assert.deepEqual(said.sort(), Object.entries(PLATFORMS).map(([name, { says = name }]) => says).sort());
  assert.equal(await collector.stop(), 0);
});
