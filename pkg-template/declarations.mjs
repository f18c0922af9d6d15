// Joins the compiler's declaration files into one: the public API, readable from top to bottom.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const ORDER = ["errors", "emitter", "dto", "types", "version", "index"];
/** A doc comment that belongs to what follows it. */
const DOC = "\\/\\*\\*(?:(?!\\*\\/)[^])*\\*\\/\\n";
/** Declarations in the files above that are not part of the API. */
const INTERNAL = new RegExp(`${DOC}export declare (?:class Emitter[^]*?\\n}|function (?:surface|safely|endedBy|fromEngine|crashed)\\b.*)\\n`, "g");

/** Returns the text of index.d.ts. Throws when it would not stand on its own. */
export function declarations(folder) {
  let text = ORDER.map((name) => strip(readFileSync(join(folder, `${name}.d.ts`), "utf8"))).join("\n");
  text = text.replace(INTERNAL, "").replace(/\n{3,}/g, "\n\n");
  const relative = text.match(/["']\.\.?\/[^"']*["']/);
  if (relative) throw new Error(`the joined declarations still refer to ${relative[0]}`);
  return `${text.trim()}\n`;
}

/** Returns the text of the declarations of a further entry, which refers to index.d.ts for what both share. */
export function declarationsOf(file) {
  const text = readFileSync(file, "utf8").replace(/"(?:\.\.\/)+\w+\.js"/g, '"./index.js"');
  const relative = text.match(/["']\.\.?\/(?!index\.js")[^"']*["']/);
  if (relative) throw new Error(`${file} refers to ${relative[0]}`);
  return text;
}

function strip(text) {
  return text
    .replace(/^import [^;]*;\n/gm, "")
    .replace(/^export (?:type )?(?:\*|\{[^}]*\}) from [^;]*;\n/gm, "")
    .replace(/^export \{\};\n/gm, "")
    .replace(/^type Listener = .*\n/gm, "");
}
