// Joins the compiler's declaration files into one: the public API, readable from top to bottom.
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

import { ADDONS, fileOf } from "./entries.mjs";

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
  // Names `AsyncDisposable` for whoever compiles with an older `lib`.
  return `/// <reference lib="esnext.disposable" />\n${text.trim()}\n`;
}

/**
 * Returns the text of the declarations of a further entry: it refers to index.d.ts for what all share, to another entry for
 * what is that one's, and what only some share is put in.
 */
export function declarationsOf(folder, entry) {
  const text = alone(join(folder, entry, "index.d.ts"), resolve(folder), new Set());
  const relative = text.match(/["']\.\.?\/(?![\w-]+\.js")[^"']*["']/);
  if (relative) throw new Error(`${entry} refers to ${relative[0]}`);
  return text;
}

/** The text of a file, with the files of its own folders in the place of their imports; `known` are the names it has already. */
function alone(file, folder, known) {
  return readFileSync(file, "utf8").replace(/^import (type )?\{ ([^}]*) \} from "(\.[^"]*)\.js";\n/gm, (_, type = "", names, path) => {
    const from = resolve(dirname(file), path);
    const other = ADDONS.find((entry) => from === join(folder, entry, "index"));
    if (dirname(from) !== folder && !other) return alone(`${from}.d.ts`, folder, known).replace(/^export (\{\};\n)?/gm, "");
    const fresh = names.split(", ").filter((name) => !known.has(name.replace("type ", "")));
    fresh.forEach((name) => known.add(name.replace("type ", "")));
    return fresh.length > 0 ? `import ${type}{ ${fresh.join(", ")} } from "./${other ? fileOf(other) : "index"}.js";\n` : "";
  });
}

function strip(text) {
  return text
    .replace(/^import [^;]*;\n/gm, "")
    .replace(/^export (?:type )?(?:\*|\{[^}]*\}) from [^;]*;\n/gm, "")
    .replace(/^export \{\};\n/gm, "")
    .replace(/^type Listener = .*\n/gm, "");
}
