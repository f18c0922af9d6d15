// The events and segments of a pack as TypeScript declares them: what `npx keepset types` writes.

/** A pack as far as types are made of it; whoever calls has had it checked. */
export interface TypedPack {
  readonly id: string;
  readonly version: number;
  readonly events: Readonly<Record<string, { readonly title?: string; readonly properties?: Readonly<Record<string, Property>> }>>;
  readonly segments: readonly { readonly id: string }[];
}

interface Property {
  readonly type: "number" | "money" | "flag" | "category" | "text" | "id";
  readonly title?: string;
  readonly unit?: string;
  readonly currency?: string;
  readonly min?: number;
  readonly max?: number;
  readonly values?: readonly string[];
}

/** Returns a declaration file with which `track`, `has` and `explain` take what the pack declares and nothing else. */
export function packTypes(pack: TypedPack): string {
  const events = Object.entries(pack.events).map(([name, { title, properties = {} }]) => `${doc(6, title)}      ${key(name)}: ${shape(properties)} | undefined;\n`);
  const segments = pack.segments.map(({ id }) => JSON.stringify(id)).join(" | ");
  return `// Made by \`npx keepset types\` from the pack "${pack.id}", version ${pack.version}. Make it again when the pack changes.
import "keepset";

declare module "keepset" {
  interface Register {
    events: {
${events.join("")}    };
    segments: ${segments || "never"};
  }
}
`;
}

/** An event may come with some of its properties or with none. */
function shape(properties: Readonly<Record<string, Property>>): string {
  const lines = Object.entries(properties).map(([name, property]) => `${doc(8, about(property))}        ${key(name)}?: ${type(property)} | undefined;\n`);
  return lines.length > 0 ? `{\n${lines.join("")}      }` : "{ [property: string]: never }";
}

function type({ type, currency, values = [] }: Property): string {
  switch (type) {
    case "number":
      return "number";
    case "money":
      return `number | \`\${number} ${currency}\``;
    case "flag":
      return "boolean";
    case "category":
      return values.map((value) => JSON.stringify(value)).join(" | ");
    case "text":
    case "id":
      return "string";
  }
}

/** What the pack says of a property, and what its type cannot. */
function about({ type, title, unit, currency, min, max }: Property): string {
  const range = min === undefined || max === undefined ? "" : `${min} to ${max}`;
  const kept = type === "text" ? "scored by its words, and dropped" : type === "id" ? "only its hash is looked at" : "";
  return [title, range && `${range} ${unit ?? currency ?? ""}`.trim(), kept].filter(Boolean).join("; ");
}

/** A doc comment; a pack's words cannot end it. */
const doc = (indent: number, words = ""): string => (words ? `${" ".repeat(indent)}/** ${words.replace(/\s+/g, " ").replaceAll("*/", "*\\/")} */\n` : "");

const key = (name: string): string => (/^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name));
