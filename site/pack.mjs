// The reference of the pack: what packs/pack.schema.json says, as a page with a section for each of its parts.
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { root } from "./pages.mjs";

const schema = JSON.parse(readFileSync(join(root, "packs/pack.schema.json"), "utf8"));
/** Parts of one line, which are said where they are used. */
const small = (part) => !part.properties && !part.oneOf && !part.anyOf && !part.allOf;
const named = (reference) => reference.slice("#/$defs/".length);

/** The page. */
export function packPage() {
  const parts = Object.entries(schema.$defs).filter(([name, part]) => !small(part) && !name.startsWith("one_"));
  return [
    "# Reference of the pack",
    `Made from \`packs/pack.schema.json\` when this site is built; the file itself is [here](/pack.schema.json){target="_self"}, for an editor that completes and checks while you type. What the parts mean, to the millisecond, is in [features](/features) and [questions](/questions).`,
    "",
    "## The pack",
    table(schema),
    ...parts.flatMap(([name, part]) => [`## ${name}`, part.description ?? "", "", body(part), ""]),
  ].join("\n");
}

/** What is in a part: its keys, or what it is one of. */
function body(part) {
  const lines = [];
  const choices = part.oneOf ?? part.anyOf;
  if (choices) lines.push("One of:", "", ...choices.map((choice) => `- ${said(choice)}`), "");
  if (part.properties) lines.push(table(part));
  return lines.join("\n");
}

function table({ properties, required = [] }) {
  const rows = Object.entries(properties).map(([key, value]) => `| \`${key}\` | ${required.includes(key) ? "yes" : ""} | ${said(value)} | ${(value.description ?? described(value) ?? "").replaceAll("|", "\\|")} |`);
  return ["| key | needed | what it takes | what it means |", "| --- | --- | --- | --- |", ...rows, ""].join("\n");
}

/** What is said of a small part stands where the part is used. */
const described = (value) => (value.$ref && small(schema.$defs[named(value.$ref)]) ? schema.$defs[named(value.$ref)].description : undefined);

/** A value in words. */
function said(value) {
  if (value.$ref) {
    const name = named(value.$ref);
    return small(schema.$defs[name]) ? plain(schema.$defs[name]) : `[${name}](#${name})`;
  }
  const choices = value.oneOf ?? value.anyOf;
  if (choices) return choices.map(said).join(" or ");
  if (value.properties) return `an object: ${Object.entries(value.properties).map(([key, inner]) => `\`${key}\` (${said(inner)})`).join(", ")}`;
  return plain(value);
}

function plain(value) {
  if ("const" in value) return `\`${JSON.stringify(value.const)}\``;
  if (value.enum) return value.enum.map((each) => `\`${JSON.stringify(each)}\``).join(", ");
  if (value.type === "array") return `a list${amount(value.minItems, value.maxItems)}${value.items ? ` of ${said(value.items)}` : ""}`;
  if (value.type === "object") return `an object${typeof value.additionalProperties === "object" ? ` of ${said(value.additionalProperties)} by name` : ""}`;
  if (value.type === "string") return `a text${value.pattern ? ` like \`${value.pattern.replaceAll("|", "\\|")}\`` : ""}${value.maxLength ? ` of at most ${value.maxLength} characters` : ""}`;
  const type = { integer: "a whole number", number: "a number", boolean: "`true` or `false`" }[value.type] ?? "anything";
  const preset = "default" in value ? `; ${JSON.stringify(value.default)} if left out` : "";
  return `${type}${amount(value.minimum ?? above(value.exclusiveMinimum), value.maximum)}${preset}`;
}

const above = (limit) => (limit === undefined ? undefined : `above ${limit}`);
function amount(least, most) {
  if (least === undefined && most === undefined) return "";
  if (most === undefined) return `, ${typeof least === "string" ? least : `at least ${least}`}`;
  return least === undefined ? `, at most ${most}` : `, ${least} to ${most}`;
}
