#!/usr/bin/env node
// `npx keepset compile pack.json [-o pack.keepset]`: makes of a pack what a page loads.
import { readFile, writeFile } from "node:fs/promises";
import { join, parse, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";

import { KeepsetError } from "./errors.js";
import { loader } from "./loader.js";

const USAGE = `usage: keepset compile PACK.json [-o PACK.keepset]

Compiles a pack. A page that loads the compiled pack needs nothing to read JSON with.`;

/** Ends the program with a sentence. */
class Stop extends Error {}

const openStudy = loader({
  name: "study",
  glue: () => import("./study.js"),
  inline: () => import("./study-inline.js"),
});

/** What the arguments ask for; nothing when they are not understood. */
function asked(args: string[]): { help: true } | { pack: string; out: string } | undefined {
  try {
    const options = { output: { type: "string", short: "o" }, help: { type: "boolean", short: "h" } } as const;
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    if (values.help) return { help: true };
    const [verb, pack, ...more] = positionals;
    if (verb !== "compile" || !pack || more.length > 0 || values.output === "") return undefined;
    const { dir, name } = parse(pack);
    return { pack, out: values.output ?? join(dir, `${name}.keepset`) };
  } catch {
    return undefined;
  }
}

async function compile(pack: string, out: string): Promise<string> {
  const text = decoded(pack, await readFile(pack).catch((error: unknown) => stop(`${pack} could not be read`, error)));
  const study = await openStudy();
  let compiled: Uint8Array;
  try {
    compiled = study.compile(text);
  } catch (error) {
    return stop(pack, error);
  }
  if (resolve(out) === resolve(pack)) throw new Stop(`${out}: this is the pack itself; name another file with -o`);
  await writeFile(out, compiled).catch((error: unknown) => stop(`${out} could not be written`, error));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", compiled as Uint8Array<ArrayBuffer>));
  return `${out}: ${compiled.length} bytes, sha256 ${Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
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
  EACCES: "permission denied",
  EPERM: "permission denied",
};

function stop(what: string, error: unknown): never {
  const { code, message } = error as { code?: string; message: string };
  throw new Stop(`${what}: ${REASONS[code ?? ""] ?? message}`);
}

/** Runs the program and returns its exit code. */
async function main(args: string[]): Promise<number> {
  const what = asked(args);
  if (!what || "help" in what) {
    (what ? console.log : console.error)(USAGE);
    return what ? 0 : 2;
  }
  try {
    console.log(await compile(what.pack, what.out));
    return 0;
  } catch (error) {
    if (!(error instanceof Stop || error instanceof KeepsetError)) throw error;
    console.error(error.message);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
