// The programs that ship, started as an operator would.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { ending } from "../../package/support/ending.mjs";

/** The workspace root. */
export const root = fileURLToPath(new URL("../../../", import.meta.url));
/** The retail pack. */
export const pack = join(root, "packs/retail/pack.json");

/** Where the programs are. */
export const programs = process.env.KEEPSET_BIN ?? join(root, "target/debug");

/** Runs the native tool and returns what it prints. */
export function keepset(...args) {
  return execFileSync(join(programs, "keepset"), args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

/** Makes keys for the time of the stories, and returns their file and their public halves; `more`: `--gateway` for those of one. */
export function keys(...more) {
  const file = join(folder(), "keys.json");
  const args = ["keys", "new", "--keys", file, "--from", "2010-01-01", "--until", "2100-01-01", ...more];
  const said = execFileSync(join(programs, "keepset-collector"), args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  return { file, published: JSON.parse(said) };
}

/** A folder that is gone when the tests end. */
export function folder() {
  const path = mkdtempSync(join(tmpdir(), "keepset-e2e-"));
  process.on("exit", () => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Starts a collector of the retail pack's plan in `home` with a file of keys; a second one in the same folder finds the first one's store. */
export async function collect(home, keys, ...more) {
  const plan = join(home, "plan.json");
  writeFileSync(plan, keepset("plan", "--pack", pack));
  const args = ["--plan", plan, "--store", join(home, "collector.sqlite"), "--keys", keys, "--listen", "127.0.0.1:0", "--simulation", ...more];
  const child = spawn(join(programs, "keepset-collector"), args, { stdio: ["ignore", "pipe", "pipe"] });
  ending(() => child.kill("SIGKILL"));
  process.on("exit", () => child.kill("SIGKILL"));
  const url = await address(child);
  return {
    url,
    get: async (path) => (await fetch(url + path)).json(),
    page: async (path) => (await fetch(url + path)).text(),
    /** Ends it without warning, as a power cut would. */
    cut: async () => {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
    stop: async () => {
      child.kill("SIGTERM");
      const [code] = await once(child, "exit");
      return code;
    },
  };
}

/** Where a program says that it listens. */
export function address(child) {
  return new Promise((resolve, reject) => {
    let said = "";
    const hear = (chunk) => {
      said += chunk;
      const found = said.match(/http:\/\/[\d.]+:\d+/);
      if (found) resolve(found[0]);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`the collector ended with ${code}: ${said}`)));
  });
}
