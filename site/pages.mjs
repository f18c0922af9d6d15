// What the site is made of: which file of the repository becomes which page, and where it stands in the menu.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/** Pages that are read for the first time, in this order. */
const START = ["start", "concepts", "leaving", "faq", "adoption"];
const RECIPES = ["plain", "react", "next", "vue", "capacitor", "ads", "cms", "consent-platforms"];
const PAGE = ["choose", "adapt", "consent", "capture", "sentiment", "elements", "worker", "restore", "migrate"];
const REFERENCE = ["features", "questions", "models"];
const PRIVACY = ["privacy", "privacy-figures", "ledger", "labels", "audit", "dpia-template", "store-forms"];
const RUN = ["collector", "operate", "relay", "tokens"];
const FIGURES = ["size", "benchmarks", "replay", "real-logs", "train", "demo"];

/** Files that are pages although they lie elsewhere than in docs/. */
const ELSEWHERE = {
  "pkg-template/README.md": "package.md",
  "pkg-template/docs/errors.md": "errors.md",
  "webview/README.md": "webview.md",
  "CONTRIBUTING.md": "contributing.md",
  "CHANGELOG.md": "changelog.md",
};

/** Pages that are made when the site is built, and what a reader of the repository is shown in their place. */
export const MADE = { "packs/pack.schema.json": "pack.md", "pkg-template/api/index.d.ts": "api/index.md" };

const inFolder = (folder) => readdirSync(join(root, folder)).filter((name) => name.endsWith(".md")).map((name) => `${folder}/${name}`);
const packs = () => readdirSync(join(root, "packs"), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);

/** Every file that becomes a page, by its path in the repository, with the page's own. */
export function pages() {
  const docs = ["docs", "docs/recipes", "docs/adr"].flatMap(inFolder).map((file) => [file, file.slice("docs/".length).replace("README.md", "index.md")]);
  const described = packs().map((name) => [`packs/${name}/README.md`, `packs/${name}.md`]).filter(([file]) => readdirSync(join(root, file, "..")).includes("README.md"));
  return new Map([...docs, ...Object.entries(ELSEWHERE), ...described]);
}

/** The menu: a page of docs/ that no list above names stands with those about a page. `title` says what a page calls itself, `api` lists the entries of the package. */
export function menu(title, api) {
  const list = (names, folder = "") => names.map((name) => ({ text: title(`${folder}${name}.md`), link: `/${folder}${name}` }));
  const adr = [...pages().values()].filter((page) => page.startsWith("adr/")).map((page) => page.slice("adr/".length, -".md".length)).sort();
  const examples = [...pages().values()].filter((page) => page.startsWith("packs/")).map((page) => page.slice("packs/".length, -".md".length)).sort();
  const named = new Set([...START, ...PAGE, ...REFERENCE, ...PRIVACY, ...RUN, ...FIGURES, "architecture", "versions", "index"]);
  const others = inFolder("docs").map((file) => file.slice("docs/".length, -".md".length).replace("README", "index")).filter((name) => !named.has(name));
  const folded = (text, link, items) => ({ text, link, items, collapsed: true });
  return [
    { text: "Start", items: list(START) },
    { text: "Recipes", items: list(RECIPES, "recipes/") },
    { text: "In a page and in an app", items: list(["package", ...PAGE, ...others, "webview", "errors"]) },
    { text: "What a pack says", items: [...list(REFERENCE), { text: "Reference of the pack", link: "/pack" }, folded("Packs to read", `/packs/${examples[0]}`, list(examples, "packs/"))] },
    folded("Reference of the API", "/api/", api.map(({ entry, page }) => ({ text: entry, link: `/${page}` }))),
    { text: "Privacy", items: list(PRIVACY) },
    { text: "The collector", items: list(RUN) },
    { text: "Performance, size, figures", items: list(FIGURES) },
    { text: "How it is built", items: [...list(["architecture", "contributing", "versions", "changelog"]), folded("Decisions", `/adr/${adr[0]}`, list(adr, "adr/"))] },
  ];
}
