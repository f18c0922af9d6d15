#!/usr/bin/env node
// `npx keepset new`: a first pack. `npx keepset compile pack.json`: makes of a pack what a page loads. `npx keepset types pack.json`: what an
// editor knows of it.
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join, parse, relative, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";

import { toHex } from "./bytes.js";
import { KeepsetError } from "./errors.js";
import { loader } from "./loader.js";
import { packTypes, type TypedPack } from "./pack-types.js";

const USAGE = `usage: keepset new [-o PACK.json]

Writes a first pack to start from, pack.json if no other name is given: a shop's events, what is counted of them, and its segments.

       keepset compile PACK.json [--keys KEYS]... [-o PACK.keepset]

Compiles a pack. A page that loads the compiled pack needs nothing to read JSON with.
KEYS are those of your collector, to which reports are sealed, and of its gateway for a relay, if it has one: its address/v1/keys, or
files with what is there or with what \`keepset-collector keys new\` prints.

       keepset types PACK.json [-o PACK.d.ts]

Prints the events and segments of a pack as TypeScript: the editor then knows what \`track\` and \`has\` may be given.`;

/** Ends the program with a sentence. */
class Stop extends Error {}

const openStudy = loader({
  name: "study",
  glue: () => import("./study.js"),
  inline: () => import("./study-inline.js"),
});

/** What the arguments ask for. */
type Asked = { do: "help" } | { do: "new"; out: string } | { do: "compile"; pack: string; keys: string[]; out: string } | { do: "types"; pack: string; out: string | undefined };

/** Reads the arguments; nothing when they are not understood. */
function asked(args: string[]): Asked | undefined {
  try {
    const options = { output: { type: "string", short: "o" }, keys: { type: "string", multiple: true }, help: { type: "boolean", short: "h" } } as const;
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    if (values.help) return { do: "help" };
    const [verb, pack, ...more] = positionals;
    const { keys = [], output: out } = values;
    if (more.length > 0 || out === "" || keys.includes("")) return undefined;
    if (verb === "new") return pack !== undefined || keys.length > 0 ? undefined : { do: verb, out: out ?? "pack.json" };
    if (!pack) return undefined;
    if (verb === "types") return keys.length > 0 ? undefined : { do: verb, pack, out };
    if (verb !== "compile") return undefined;
    const { dir, name } = parse(pack);
    return { do: verb, pack, keys, out: out ?? join(dir, `${name}.keepset`) };
  } catch {
    return undefined;
  }
}

/** Writes the first pack, never over one that is there. */
async function begin(out: string): Promise<string> {
  const pack = JSON.parse(await readFile(new URL("../packs/starter.json", import.meta.url), "utf8")) as Record<string, unknown>;
  const schema = relative(dirname(resolve(out)), resolve("node_modules/keepset/pack.schema.json")).replaceAll("\\", "/");
  const text = `${JSON.stringify({ ...pack, $schema: schema.startsWith(".") ? schema : `./${schema}` }, null, 2)}\n`;
  await writeFile(out, text, { flag: "wx" }).catch((error: unknown) => stop(`${out} could not be written`, error));
  return `${out}: a first pack. Make it yours, then: npx keepset compile ${out}`;
}

/** A pack's text, and what compiles one and says where it is from when it cannot. */
async function opened(pack: string): Promise<{ text: string; read: (text: string, from: string) => Uint8Array }> {
  const text = decoded(pack, await readFile(pack).catch((error: unknown) => stop(`${pack} could not be read`, error)));
  const study = await openStudy();
  const read = (text: string, from: string): Uint8Array => {
    try {
      return study.compile(text);
    } catch (error) {
      return stop(from, error);
    }
  };
  return { text, read };
}

async function types(pack: string, out: string | undefined): Promise<string> {
  const { text, read } = await opened(pack);
  read(text, pack);
  const declared = packTypes(JSON.parse(text) as TypedPack);
  if (out === undefined) return declared.trimEnd();
  await write(pack, out, new TextEncoder().encode(declared));
  return `${out}: the events and segments of ${pack}`;
}

/** Writes what was made of a pack, never over it. */
async function write(pack: string, out: string, bytes: Uint8Array): Promise<void> {
  if (resolve(out) === resolve(pack)) throw new Stop(`${out}: this is the pack itself; name another file with -o`);
  await writeFile(out, bytes).catch((error: unknown) => stop(`${out} could not be written`, error));
}

async function compile(pack: string, keys: string[], out: string): Promise<string> {
  const { text, read } = await opened(pack);
  let compiled = read(text, pack);
  // What compiles is an object.
  const document = JSON.parse(text) as { plan?: unknown; collector?: unknown };
  if (keys.length > 0) {
    if (document.collector !== undefined) throw new Stop(`${pack} names keys of a collector already; name them there or with --keys`);
    compiled = read(JSON.stringify({ ...document, collector: await all(keys) }), `${pack} with ${keys.join(" and ")}`);
  } else if (document.plan !== undefined && document.collector === undefined) {
    console.error(`${pack}: no device will report: the pack has a plan and no keys of a collector (--keys)`);
  }
  await write(pack, out, compiled);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", compiled as Uint8Array<ArrayBuffer>));
  return `${out}: ${compiled.length} bytes, sha256 ${toHex(hash)}`;
}

/** What several places say of the keys of a collector, each of other keys. */
async function all(keys: string[]): Promise<unknown> {
  const [first, ...more] = await Promise.all(keys.map(published));
  if (more.length === 0) return first;
  const members = [first, ...more].flatMap((one) => Object.entries(one ?? {}));
  const twice = members.find(([name], index) => members.slice(0, index).some(([other]) => other === name));
  if (twice) throw new Stop(`${keys.join(" and ")}: both name the collector's ${twice[0]}`);
  return Object.fromEntries(members);
}

/** The keys of a collector, from where it serves them or from a file. */
async function published(keys: string): Promise<unknown> {
  const from = (error: unknown): never => stop(`${keys} could not be read`, error);
  const text = /^https?:/.test(keys) ? await served(keys).catch(from) : await readFile(keys, "utf8").catch(from);
  try {
    return JSON.parse(text);
  } catch (error) {
    return stop(keys, error);
  }
}

async function served(url: string): Promise<string> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`the answer is ${response.status}`);
  return response.text();
}

function decoded(pack: string, bytes: Uint8Array): string {
  if (new TextDecoder("latin1").decode(bytes.subarray(0, 4)) === "KSPK") throw new Stop(`${pack}: this pack is compiled already`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Stop(`${pack}: this is no text`);
  }
}

/** Why a file could not be used, in words. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  ENOTDIR: "no such file or folder",
  EISDIR: "this is a folder",
  EEXIST: "it is there already; name another with -o",
  EACCES: "permission denied",
  EPERM: "permission denied",
};

function stop(what: string, error: unknown): never {
  const { code, message } = error as { code?: string; message: string };
  throw new Stop(`${what}: ${REASONS[code ?? ""] ?? message}`);
}

/** Does what was asked for and says so. */
function done(what: Exclude<Asked, { do: "help" }>): Promise<string> {
  if (what.do === "new") return begin(what.out);
  return what.do === "types" ? types(what.pack, what.out) : compile(what.pack, what.keys, what.out);
}

/** Runs the program and returns its exit code. */
async function main(args: string[]): Promise<number> {
  const what = asked(args);
  if (!what || what.do === "help") {
    (what ? console.log : console.error)(USAGE);
    return what ? 0 : 2;
  }
  try {
    console.log(await done(what));
    return 0;
  } catch (error) {
    if (!(error instanceof Stop || error instanceof KeepsetError)) throw error;
    console.error(error.message);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
