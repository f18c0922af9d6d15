// The blocks of code in the pages of the repository.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository. */
export const root = fileURLToPath(new URL("../../../", import.meta.url));
const PASSED_OVER = new Set(["node_modules", "target", ".staged", ".git", "fixtures"]);

/** Every page, by its path in the repository. */
export function pages(folder = root) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (PASSED_OVER.has(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return pages(path);
    return entry.name.endsWith(".md") ? [relative(root, path)] : [];
  });
}

/** Every block: its page and line, the language, the word behind that which says more, and the code. */
export const blocks = pages().flatMap((page) => {
  const found = [];
  let open;
  readFileSync(join(root, page), "utf8").split("\n").forEach((line, index) => {
    const fence = /^( *)(`{3,})(.*)$/.exec(line);
    if (open) {
      if (fence?.[2] === open.fence && fence[3].trim() === "") {
        found.push({ page, line: open.line, language: open.language, word: open.word, code: open.code.join("\n") });
        open = undefined;
      } else open.code.push(line.slice(open.indent));
    } else if (fence) {
      const [language = "", word = ""] = fence[3].trim().split(/\s+/);
      open = { fence: fence[2], indent: fence[1].length, line: index + 1, language, word, code: [] };
    }
  });
  if (open) throw new Error(`${page}:${open.line}: this block does not end`);
  return found;
});

/** Where a block stands, as a person looks for it. */
export const at = ({ page, line }) => `${page}:${line}`;
