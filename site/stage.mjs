// Lays out what the generator reads: every page with its links turned from files of the repository into pages of the site.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";

import { reference } from "./api.mjs";
import { packPage } from "./pack.mjs";
import { MADE, pages, root } from "./pages.mjs";

/** Where the pages wait for the generator: beside its packages, which it looks for from there. */
export const staged = join(root, "site/.staged");
const LINK = /(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)/g;

/** Writes every page, and returns how many there are. */
export function stage() {
  rmSync(staged, { recursive: true, force: true });
  const all = pages();
  const places = new Map([...all, ...Object.entries(MADE)]);
  for (const [file, page] of all) write(page, relinked(readFileSync(join(root, file), "utf8"), file, places));
  for (const [page, text] of reference()) write(page, text);
  write("pack.md", packPage());
  for (const name of readdirSync(join(root, "docs"))) if (/\.(svg|jpg|schema\.json)$/.test(name)) publish(`docs/${name}`);
  publish("packs/pack.schema.json");
  return all.size + reference().size + 1;
}

function write(page, text) {
  mkdirSync(dirname(join(staged, page)), { recursive: true });
  writeFileSync(join(staged, page), text);
}

/** Puts a file at the root of the site. */
function publish(file) {
  mkdirSync(join(staged, "public"), { recursive: true });
  copyFileSync(join(root, file), join(staged, "public", posix.basename(file)));
}

/** A page's text with its links as the site needs them; what stands in code is left as it is. */
function relinked(text, file, places) {
  const prose = (part) => part.replaceAll(LINK, (whole, image, label, target) => link({ image, label, target }, file, places) ?? whole);
  return text.split(/(^ *```[^]*?^ *```$)/m).map((part, index) => (index % 2 ? part : prose(part))).join("");
}

/** A link of a page; one to a file that is no page says the file's name, for the site does not hold the repository. */
function link({ image, label, target }, file, places) {
  if (/^(https?:|mailto:|#)/.test(target)) return undefined;
  const [path, anchor] = target.split("#");
  const meant = posix.normalize(posix.join(posix.dirname(file), path)).replace(/\/$/, "");
  if (!existsSync(join(root, meant))) throw new Error(`${file}: there is no ${target}`);
  const published = posix.dirname(meant) === "docs" && /\.(svg|jpg|schema\.json)$/.test(meant);
  if (image || published) return `${image}[${label}](/${posix.basename(meant)})`;
  const place = places.get(meant) ?? places.get(`${meant}/README.md`);
  if (place === undefined) return label.includes("`") ? label : `${label} (\`${meant}\`)`;
  return `[${label}](/${place.replace(/(^|\/)index\.md$/, "$1").replace(/\.md$/, "")}${anchor ? `#${anchor}` : ""})`;
}
