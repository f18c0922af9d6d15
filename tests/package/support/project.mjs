// A project of a framework as its developer has it: the framework's packages above it, the packed package of ours in it.
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { ending } from "./ending.mjs";
import { install } from "./installed.mjs";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const packages = join(root, "tests/node_modules");
const installed = install();

/** No program of a framework tells anyone that it was run. */
const QUIET = { NEXT_TELEMETRY_DISABLED: "1", NUXT_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1", DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1", CI: "1" };
const env = { ...process.env, ...QUIET };
// The runner of these tests is none of a framework's business.
delete env.NODE_OPTIONS;
delete env.NODE_TEST_CONTEXT;

/** A program of a package that is installed for these tests. */
export const program = (name) => join(packages, ".bin", name);

/** A fresh project with these files. It is within the repository, for some frameworks build nothing that lies elsewhere. */
export function project(name, files, manifest = {}) {
  if (!existsSync(packages)) throw new Error("tests/node_modules is missing: `cargo xtask setup` installs it");
  const place = join(root, "target/frameworks");
  mkdirSync(place, { recursive: true });
  const above = mkdtempSync(join(place, `${name}-`));
  process.on("exit", () => rmSync(above, { recursive: true, force: true }));
  symlinkSync(packages, join(above, "node_modules"));
  const folder = join(above, "project");
  cpSync(installed.package, join(folder, "node_modules/keepset"), { recursive: true });
  const all = { "package.json": JSON.stringify({ private: true, type: "module", ...manifest }), ...files };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

/** Runs a program of a project to its end, and returns what it wrote. */
export function run(folder, name, ...args) {
  const { status, signal, stdout, stderr } = spawnSync(program(name), args, { cwd: folder, env, encoding: "utf8", timeout: 240_000 });
  if (status !== 0) throw new Error(`${name} ${args.join(" ")} ended with ${signal ?? status}:\n${stdout}${stderr}`);
  return stdout;
}

/** Starts a server, waits until it answers, and returns its address and what ends it. */
export async function start(folder, command, args, more = {}) {
  const port = await freePort();
  const child = spawn(command, args.map((part) => part.replace("PORT", port)), { cwd: folder, env: { ...env, PORT: String(port), HOST: "127.0.0.1", ...more }, stdio: ["ignore", "pipe", "pipe"] });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => said.push(String(text)));
  const url = `http://127.0.0.1:${port}/`;
  const close = ending(() => new Promise((resolve) => (child.exitCode === null ? (child.once("exit", resolve), child.kill()) : resolve())));
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}:\n${said.join("")}`);
    if (await fetch(url).then(({ ok }) => ok, () => false)) return { url, close };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await close();
  throw new Error(`it does not answer:\n${said.join("")}`);
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
