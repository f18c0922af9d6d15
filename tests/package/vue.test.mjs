// `keepset/vue` with the real Vue: on a server, over its HTML, live, and as TypeScript sees it.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";

import { tools } from "./support/installed.mjs";
import { asBuyer, endsWith, forEveryone, framework, hydrates, RECORD, shows } from "./support/framework.mjs";
import { BUNDLER, compiler } from "./support/tsc.mjs";
import { installed, ready, track } from "./support/visit.mjs";

const { module, open } = await framework(["vue"], `
  import { createApp, createSSRApp, h, nextTick, ref } from "vue";
  import { IfSegment, keepsetPlugin, useConsent, useKeepset, useSegment, useSegments, useSnapshot } from "keepset/vue";
  export const counts = { renders: 0 };
  export const asked = ref("fan");
  const Shop = {
    setup() {
      const fan = useSegment(asked);
      const segments = useSegments();
      const snapshot = useSnapshot();
      const { state, set } = useConsent();
      return () => (counts.renders++, h("main", [
        h("h1", "Shop"),
        h(IfSegment, { segment: "buyer" }, { default: () => "Welcome back. ", otherwise: () => "Hello stranger. ", pending: () => "Hello. " }),
        h("p", asked.value + ":" + fan.value + " in:" + segments.value.map(({ id }) => id).join("+") + " " + snapshot.value.status + " sharing:" + state.value.sharing),
        h("button", { onClick: () => set({ segmentation: "granted", storage: "granted", sharing: "granted" }) }, "Agree"),
      ]));
    },
  };
  export const app = (client, make = createSSRApp) => make(Shop).use(keepsetPlugin(client));
  export const mounted = (client) => app(client, createApp);
  export const alone = () => createSSRApp({ setup: () => (useKeepset(), () => null) });
`);
const { renderToString } = createRequire(join(tools, "x.js"))("vue/server-renderer");
/** What a server renders where its own client knows a buyer. */
const rendered = () => asBuyer((client) => renderToString(module.app(client)));

const START = 'import { app, asked, counts, mounted } from "./app.mjs"; Object.assign(globalThis, { asked, counts });';
const HYDRATE = `${START}${RECORD} app(keepset).mount("#root");`;
const MOUNT = `${START}${RECORD} globalThis.app = mounted(keepset); globalThis.app.mount("#root");`;

test("T10: on a server Vue shows what holds for everyone, whatever a client there knows", async () => {
  forEveryone(await rendered());
});

test("T10: over the server's HTML Vue hydrates without a mismatch, keeps its elements and never shows a buyer a stranger's page", async () => {
  await hydrates(await open(HYDRATE, await rendered()));
});

test("a component follows the segments, the choices and the segment it asks about, and renders only when one of them changed", async () => {
  const visited = await open(MOUNT);
  const page = await visited.open();
  await ready(page);
  await shows(page, "Hello stranger. fan:false in: ready sharing:pending");
  await page.click("button");
  await shows(page, "sharing:granted");
  await track(page, 1);
  await shows(page, "Welcome back. fan:false in:buyer");
  await page.evaluate(() => { asked.value = "buyer"; });
  await shows(page, "buyer:true in:buyer");
  const before = await page.evaluate(() => counts.renders);
  await track(page, 5);
  await page.evaluate(() => keepset.ledger.list());
  assert.equal(await page.evaluate(() => counts.renders), before, "five orders changed no segment");
  await page.evaluate(() => keepset.consent.set({ segmentation: "denied" }));
  await shows(page, "Hello stranger. buyer:false in: ready");
  assert.deepEqual(await page.evaluate(() => complaints), []);
  await visited.close();
});

test("nothing listens once the app is gone; the client goes on", async () => {
  await endsWith(await open(MOUNT), "app");
});

test("without the plugin a composable says what is missing", async () => {
  const app = module.alone();
  app.config.warnHandler = () => undefined;
  await assert.rejects(renderToString(app), (error) => error.name === "KeepsetError" && error.code === "invalid_argument" && /keepsetPlugin/.test(error.message));
});

test("the types know the registered segments", () => {
  const compile = compiler(installed.folder);
  const head = `import { init } from "keepset"; import { createApp, h, ref } from "vue"; import { IfSegment, keepsetPlugin, useSegment } from "keepset/vue";
    declare module "keepset" { interface Register { segments: "buyer" | "fan" } }\n`;
  const right = 'createApp({}).use(keepsetPlugin(init({ pack: {} }))); export const x: boolean | undefined = useSegment(ref<"buyer" | "fan">("fan")).value; export const y = h(IfSegment, { segment: "buyer" });';
  assert.deepEqual(compile("vue.ts", head + right, BUNDLER).errors, []);
  for (const wrong of ['useSegment("fans");', 'useSegment(() => "fans");', 'h(IfSegment, { segment: "fans" });', "keepsetPlugin({});"]) {
    assert.ok(compile("vue.ts", head + wrong, BUNDLER).errors.length > 0, wrong);
  }
});
