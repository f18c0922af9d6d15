// The packed package in Bun, Deno, Next.js and Nuxt, without a setting for Keepset: run there, or built, rendered on the server and run in Chromium.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { before, test } from "node:test";

import { shop } from "./support/packs.mjs";
import { program, project, run, start } from "./support/project.mjs";
import { serve } from "./support/server.mjs";
import { browse } from "./support/site.mjs";

const PACK = JSON.stringify(shop());
let browser;
before(async () => {
  browser = await browse();
});

/** What a program without a page writes: a client with the real engine, and an add-on. */
const PROGRAM = `
  import { createClient, isSupported, version } from "keepset";
  import { createTestClient } from "keepset/testing";
  const client = createClient({ pack: ${PACK} });
  await client.consent.set({ segmentation: "granted" });
  client.track("purchase", { value: 1 });
  const why = await client.explain("buyer");
  const test = await createTestClient({ pack: ${PACK} });
  for (let n = 0; n < 11; n += 1) test.client.track("purchase", { value: 1 });
  await test.settle();
  await test.advance(86_400_000);
  console.log(JSON.stringify({ version, supported: isSupported(), status: client.status, why: why.condition.value, fan: test.client.has("fan"), reports: test.reports.map(({ outcome }) => outcome) }));
  await test.end();
  await client.destroy();
`;
const { version } = JSON.parse(readFileSync(new URL("../../pkg-template/package.json", import.meta.url), "utf8"));
const RAN = { version, supported: true, status: "ready", why: 1, fan: true, reports: ["accepted"] };

/** What a page of a framework does once it is there. */
const TOLD = `
  globalThis.told = keepset.consent.set({ segmentation: "granted" }).then(async () => {
    keepset.track("purchase", { value: 1 });
    const why = await keepset.explain("buyer");
    return { status: keepset.status, error: keepset.error?.message, buyer: keepset.has("buyer"), why: why?.condition.value };
  });`;
const WORKS = { status: "ready", error: undefined, buyer: true, why: 1 };

/** Visits a page and says what it came to, what it showed at last, and what went wrong. */
async function visit(url) {
  const page = await browser.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => message.type() === "error" && !/favicon/.test(message.location().url) && problems.push(message.text()));
  try {
    await page.goto(url);
    await page.waitForFunction(() => globalThis.told).catch((error) => assert.fail(`${problems.join("; ")}: ${error.message}`));
    const told = await page.evaluate(() => told);
    await page.waitForFunction(() => document.querySelector("#shown")?.textContent !== "?");
    return { told, shown: await page.textContent("#shown"), problems };
  } finally {
    await page.close();
  }
}

test("Bun runs the engine and the tests' client, and what it bundles for a page works there", async () => {
  const page = `import { init } from "keepset"; const keepset = init({ pack: "/pack.json", storage: "memory" }); ${TOLD} document.body.innerHTML = "<p id=shown>there</p>";`;
  const folder = project("bun", { "main.js": PROGRAM, "page.js": page });
  assert.deepEqual(JSON.parse(run(folder, "bun", "run", "main.js")), RAN);
  run(folder, "bun", "build", "page.js", "--outdir", "dist", "--target", "browser", "--splitting");
  const site = await serve([], (request, response) => {
    const path = new URL(request.url, "http://x").pathname;
    const html = '<!doctype html><title>bun</title><body><script type="module" src="/page.js"></script>';
    const body = path === "/pack.json" ? PACK : extname(path) === ".js" ? readFileSync(join(folder, "dist", normalize(path))) : html;
    response.writeHead(200, { "content-type": extname(path) === ".js" ? "text/javascript" : "text/html" }).end(body);
  });
  const { told, shown } = await visit(site.url);
  site.close();
  assert.deepEqual([told, shown], [WORKS, "there"]);
});

test("Deno runs the engine and the tests' client, and reads nothing but the package", () => {
  const folder = project("deno", { "main.js": PROGRAM });
  const [answer] = run(folder, "deno", "run", "--no-remote", "--node-modules-dir=manual", `--allow-read=${folder}`, "main.js").trim().split("\n").slice(-1);
  assert.deepEqual(JSON.parse(answer), RAN);
});

test("Next.js builds it, renders it on the server and at the edge, and its page has live segments without a difference between both", async () => {
  const folder = project("next", {
    "next.config.mjs": "export default { turbopack: { root: new URL('../../../..', import.meta.url).pathname } };",
    "public/pack.json": PACK,
    "app/layout.js": 'export default function Layout({ children }) { return <html lang="en"><body>{children}</body></html>; }',
    // A component of the server may import it: nothing happens there.
    "app/page.js": 'import { isSupported } from "keepset"; import { Shop } from "./shop.js"; export default function Page() { return <main data-server={String(typeof isSupported)}><Shop /></main>; }',
    "app/shop.js": `"use client";
      import { useEffect } from "react";
      import { init } from "keepset";
      import { KeepsetProvider, useSegment } from "keepset/react";
      const keepset = init({ pack: "/pack.json", storage: "memory" });
      function Shown() { const buyer = useSegment("buyer"); return <p id="shown">{buyer === undefined ? "?" : String(buyer)}</p>; }
      export function Shop() {
        useEffect(() => { ${TOLD} }, []);
        return <KeepsetProvider client={keepset}><Shown /></KeepsetProvider>;
      }`,
    "app/edge/route.js": 'export const runtime = "edge"; import { init } from "keepset"; export async function GET() { const keepset = init({ pack: "{}" }); await keepset.ready; return new Response(keepset.status); }',
  });
  run(folder, "next", "build");
  const server = await start(folder, program("next"), ["start", "--port", "PORT", "--hostname", "127.0.0.1"]);
  try {
    const html = await (await fetch(server.url)).text();
    assert.match(html, /data-server="function"/);
    assert.match(html, /<p id="shown">\?<\/p>/, "what is not known yet is shown so");
    assert.equal(await (await fetch(`${server.url}edge`)).text(), "unsupported");
    const { told, shown, problems } = await visit(server.url);
    assert.deepEqual([told, shown, problems], [WORKS, "true", []]);
  } finally {
    await server.close();
  }
});

test("Nuxt builds it, renders it on the server, and its page has live segments without a difference between both", async () => {
  const folder = project("nuxt", {
    "nuxt.config.mjs": 'export default { telemetry: false, compatibilityDate: "2026-01-01", devtools: { enabled: false } };',
    "public/pack.json": PACK,
    "app/plugins/keepset.js": 'import { init } from "keepset"; import { keepsetPlugin } from "keepset/vue"; export default defineNuxtPlugin(({ vueApp }) => { const keepset = init({ pack: "/pack.json", storage: "memory" }); vueApp.use(keepsetPlugin(keepset)); return { provide: { keepset } }; });',
    "app/app.vue": `<script setup>
      import { useSegment } from "keepset/vue";
      const { $keepset: keepset } = useNuxtApp();
      const buyer = useSegment("buyer");
      onMounted(() => { ${TOLD} });
      </script>
      <template><p id="shown">{{ buyer === undefined ? "?" : buyer }}</p></template>`,
  });
  run(folder, "nuxt", "build");
  const server = await start(folder, process.execPath, [".output/server/index.mjs"]);
  try {
    assert.match(await (await fetch(server.url)).text(), /<p id="shown">\?<\/p>/);
    const { told, shown, problems } = await visit(server.url);
    assert.deepEqual([told, shown, problems], [WORKS, "true", []]);
  } finally {
    await server.close();
  }
});
