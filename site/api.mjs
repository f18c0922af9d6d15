// The reference of the package's types: one page for each entry, made from the declarations in pkg-template/api.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

import { ADDONS, fileOf } from "../pkg-template/entries.mjs";
import { root } from "./pages.mjs";

/** The entries of the package, the file of their declarations and the page of their reference. */
export const ENTRIES = ["", ...ADDONS].map((name) => ({
  entry: name ? `keepset/${name}` : "keepset",
  file: `pkg-template/api/${name ? fileOf(name) : "index"}.d.ts`,
  page: `api/${name ? fileOf(name) : "keepset"}`,
}));

/** Every page of the reference, by its path, and the page that lists them. */
export function reference() {
  const entries = ENTRIES.map((entry) => ({ ...entry, exported: exportsOf(entry.file) }));
  const places = new Map();
  for (const { page, exported } of entries) for (const name of exported.keys()) if (!places.has(name)) places.set(name, page);
  const made = entries.map((entry) => [`${entry.page}.md`, page(entry, places)]);
  return new Map([["api/index.md", overview(entries)], ...made]);
}

function overview(entries) {
  const row = ({ entry, page, exported }) => `| [\`${entry}\`](/${page}) | ${[...exported.keys()].map((name) => `[\`${name}\`](/${page}#${anchor(name)})`).join(", ")} |`;
  return ["# Reference of the API", "Made from the declarations that the package ships, when this site is built. Each entry and what it exports:", "", "| entry | exports |", "| --- | --- |", ...entries.map(row), ""].join("\n");
}

/** What one file of declarations exports, by name: overloads of a function are one. */
function exportsOf(file) {
  const source = ts.createSourceFile(file, readFileSync(join(root, file), "utf8"), ts.ScriptTarget.Latest, true);
  const exported = new Map();
  const listed = new Set(source.statements.filter(ts.isExportDeclaration).flatMap(({ exportClause }) => exportClause?.elements?.map(({ name }) => name.text) ?? []));
  for (const statement of source.statements) {
    const names = statement.name ? [statement.name.text] : (statement.declarationList?.declarations.map(({ name }) => name.text) ?? []);
    const open = statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
    for (const name of names) if (open || listed.has(name)) exported.set(name, [...(exported.get(name) ?? []), statement]);
  }
  return exported;
}

function page({ entry, exported }, places) {
  const parts = [...exported].map(([name, declarations]) => section(name, declarations, places));
  return [`# \`${entry}\``, `\`import { … } from "${entry}";\``, "", ...parts].join("\n");
}

/** One export: what it is for, how it is declared, what each of its members is for, and the types it speaks of. */
function section(name, declarations, places) {
  const words = declarations.map(spoken).filter(Boolean).join("\n\n");
  const code = declarations.map((each) => bare(each).replace(/^export (declare )?/, "")).join("\n");
  const members = declarations.flatMap((each) => [...(each.members ?? [])]).filter((member) => member.name && spoken(member));
  const table = members.length === 0 ? [] : ["", "| member | what it is |", "| --- | --- |", ...members.map((member) => `| \`${member.name.getText()}\` | ${cell(spoken(member))} |`)];
  const mentioned = [...new Set(code.match(/\b[A-Z]\w+/g))].filter((other) => other !== name && places.has(other));
  const see = mentioned.length === 0 ? [] : ["", `Types: ${mentioned.map((other) => `[\`${other}\`](/${places.get(other)}#${anchor(other)})`).join(", ")}`];
  return [`## \`${name}\``, words, "", "```ts", code, "```", ...table, ...see, ""].join("\n");
}

/** What is said of a declaration in the comment before it. */
function spoken(node) {
  return (node.jsDoc ?? []).map((doc) => [ts.getTextOfJSDocComment(doc.comment) ?? "", ...(doc.tags ?? []).map(tag)].join("\n\n").trim()).join("\n\n").replaceAll(/[<>]/g, (sign) => (sign === "<" ? "&lt;" : "&gt;"));
}

const tag = (each) => `**${each.tagName.text}**: ${each.name ? `\`${each.name.getText()}\` ` : ""}${ts.getTextOfJSDocComment(each.comment) ?? ""}`;
const cell = (text) => text.replaceAll("|", "\\|").replaceAll(/\s*\n\s*/g, " ");
const anchor = (name) => name.toLowerCase();

/** A declaration as it is written, without the comments in it, which are shown beside it. */
const bare = (node) => folded(node.getText().replaceAll(/\n?[ ]*\/\*\*[^]*?\*\//g, "").replaceAll(/\n\s*\n/g, "\n"));

/** A long list of alternatives, a line each. */
const folded = (code) => (code.length > 90 && !code.includes("\n") && code.includes("\" | \"") ? code.replace(" = ", " =\n    | ").replaceAll("\" | \"", "\"\n    | \"") : code);
