// The add-ons of the package, each an entry of its own: the one list that the bundles, the types, the exports map and the sizes are made from.

/** `keepset/NAME` is made from `src/NAME/index.ts`. */
export const ADDONS = [
  "capture",
  "consent",
  "consent/strings",
  "consent/native",
  "consent/onetrust",
  "consent/cookiebot",
  "consent/c15t",
  "element",
  "element/why",
  "element/consent",
  "react",
  "vue",
  "testing",
  "datalayer",
  "gpt",
  "prebid",
  "compat/segment",
  "compat/gtm",
  "compat/posthog",
  "compat/snowplow",
  "webview",
  "worker",
  "devtools",
  "sentiment",
  "choose",
  "adapt",
  "restore",
  "nowasm",
  "stats",
  "tokens",
];

/** What an add-on expects the page to bring. */
export const PEERS = ["react", "vue"];
/** What is never bundled into an add-on: its peers, and the package itself. */
export const EXTERNAL = [...PEERS, "keepset"];

/** Those that a bundler may not drop when nothing of them is used: they define an element. */
const EFFECTS = ["element", "element/why", "element/consent"];

/** The name of an entry's files. */
export const fileOf = (entry) => entry.replaceAll("/", "-");

/** The manifest with the add-ons in it. */
export function withAddons(manifest) {
  const { "./core.wasm": wasm, "./core-full.wasm": full, "./global": script, "./package.json": self, ...own } = manifest.exports;
  const effects = EFFECTS.flatMap((entry) => [`./dist/${fileOf(entry)}.js`, `./dist/${fileOf(entry)}.cjs`]);
  return {
    ...manifest,
    sideEffects: [...manifest.sideEffects, ...effects],
    exports: {
      ...own,
      ...Object.fromEntries(ADDONS.map((entry) => [`./${entry}`, twins(fileOf(entry))])),
      "./core.wasm": wasm,
      "./core-full.wasm": full,
      "./global": script,
      "./package.json": self,
    },
    // For TypeScript that does not read the exports map.
    typesVersions: { "*": Object.fromEntries(ADDONS.map((entry) => [entry, [`./dist/${fileOf(entry)}.d.ts`]])) },
  };
}

/** One file as a module and as CommonJS, each with its types. */
const twins = (file) => ({
  import: { types: `./dist/${file}.d.ts`, default: `./dist/${file}.js` },
  require: { types: `./dist/${file}.d.cts`, default: `./dist/${file}.cjs` },
});
