// `keepset/react` with the real React: on a server, over its HTML, live, in StrictMode, and as TypeScript sees it.
import assert from "node:assert/strict";
import { join } from "node:path";
import { createRequire } from "node:module";
import { test } from "node:test";

import { bring, tools } from "./support/installed.mjs";
import { asBuyer, endsWith, forEveryone, framework, hydrates, RECORD, shows } from "./support/framework.mjs";
import { BUNDLER, compiler } from "./support/tsc.mjs";
import { installed, ready, track } from "./support/visit.mjs";

const { module, open } = await framework(["react", "react-dom"], `
  import { createElement as h, StrictMode } from "react";
  import { IfSegment, KeepsetProvider, useConsent, useKeepset, useSegment, useSegments, useSnapshot } from "keepset/react";
  export const counts = { renders: 0 };
  function Shop() {
    counts.renders++;
    const fan = useSegment("fan");
    const [consent, set] = useConsent();
    return h("main", null,
      h("h1", null, "Shop"),
      h(IfSegment, { segment: "buyer", otherwise: "Hello stranger. ", pending: "Hello. " }, "Welcome back. "),
      h("p", null, \`fan:\${fan} in:\${useSegments().map(({ id }) => id).join("+")} \${useSnapshot().status} sharing:\${consent.sharing}\`),
      h("button", { onClick: () => set({ segmentation: "granted", storage: "granted", sharing: "granted" }) }, "Agree"));
  }
  export const app = (client, within = StrictMode) => h(within, null, h(KeepsetProvider, { client }, h(Shop)));
  export const alone = () => h(function Alone() { useKeepset(); return null; });
`);
const require = createRequire(join(tools, "x.js"));
const { renderToString } = require("react-dom/server");
/** What a server renders where its own client knows a buyer. */
const rendered = () => asBuyer((client) => renderToString(module.app(client)));

const START = 'import { app, counts } from "./app.mjs"; globalThis.counts = counts;';
const HYDRATE = `${START}${RECORD}
  import { hydrateRoot } from "react-dom/client";
  globalThis.root = hydrateRoot(document.querySelector("#root"), app(keepset), { onRecoverableError: (error) => complaints.push(String(error)) });`;
const MOUNT = `${START}${RECORD}
  import { createRoot } from "react-dom/client";
  globalThis.root = createRoot(document.querySelector("#root"));
  root.render(app(keepset));`;

test("T10: on a server React shows what holds for everyone, whatever a client there knows", async () => {
  forEveryone((await rendered()).replaceAll("<!-- -->", ""));
});

test("T10: over the server's HTML React hydrates without a mismatch, keeps its elements and never shows a buyer a stranger's page", async () => {
  await hydrates(await open(HYDRATE, await rendered()));
});

test("a component follows the segments and the choices, and renders only when one of them changed", async () => {
  const visited = await open(MOUNT);
  const page = await visited.open();
  await ready(page);
  await shows(page, "Hello stranger. fan:false in: ready sharing:pending");
  await page.click("button");
  await shows(page, "sharing:granted");
  await track(page, 1);
  await shows(page, "Welcome back. fan:false in:buyer");
  const before = await page.evaluate(() => counts.renders);
  await track(page, 5);
  await page.evaluate(() => keepset.ledger.list());
  assert.equal(await page.evaluate(() => counts.renders), before, "five orders changed no segment");
  await track(page, 5);
  await shows(page, "fan:true in:buyer+fan");
  await page.evaluate(() => keepset.consent.set({ segmentation: "denied" }));
  await shows(page, "Hello stranger. fan:false in: ready");
  assert.deepEqual(await page.evaluate(() => complaints), []);
  await visited.close();
});

test("in StrictMode each hook listens once, and nothing listens once the tree is gone; the client goes on", async () => {
  await endsWith(await open(MOUNT), "root");
});

test("a hook without a provider says what is missing", () => {
  assert.throws(() => renderToString(module.alone()), (error) => error.name === "KeepsetError" && error.code === "invalid_argument" && /KeepsetProvider/.test(error.message));
});

test("the types know the registered segments, and the entry is marked for the client of a server-components app", async () => {
  bring(installed, ["@types/react"]);
  const compile = compiler(installed.folder);
  const head = `import "keepset"; import { init } from "keepset"; import { IfSegment, KeepsetProvider, useSegment } from "keepset/react";
    declare module "keepset" { interface Register { segments: "buyer" | "fan" } }\n`;
  const options = [...BUNDLER, "--jsx", "react-jsx"];
  const right = 'export const A = () => <KeepsetProvider client={init({ pack: {} })}><IfSegment segment="buyer" otherwise="no" pending={<i />}>{useSegment("fan") ? "yes" : "no"}</IfSegment></KeepsetProvider>;';
  assert.deepEqual(compile("a.tsx", head + right, options).errors, []);
  for (const wrong of ['export const A = () => <IfSegment segment="byer" />;', 'export const A = () => useSegment("fans");', "export const A = () => <KeepsetProvider />;"]) {
    assert.equal(compile("a.tsx", head + wrong, options).errors.length, 1, wrong);
  }
  const { readFileSync } = await import("node:fs");
  for (const file of ["react.js", "react.cjs"]) assert.match(readFileSync(join(installed.dist, file), "utf8"), /^["']use (client["']|strict["'];["']use client["'])/, file);
});
