// What TypeScript says of a file beside the installed package.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { tools } from "./installed.mjs";

export const NODE16 = ["--module", "nodenext", "--moduleResolution", "nodenext"];
export const BUNDLER = ["--module", "esnext", "--moduleResolution", "bundler"];

/** Returns what compiles one file of a folder strictly and says what the compiler said. */
export const compiler = (folder) => (name, code, options = []) => {
  const file = join(folder, name);
  writeFileSync(file, code);
  const flags = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--target", "es2021", "--lib", "es2021,dom", "--types", "", ...options, file];
  const { stdout, status } = spawnSync(process.execPath, [join(tools, "typescript/bin/tsc"), ...flags], { cwd: folder, encoding: "utf8" });
  return { errors: stdout.split("\n").filter((line) => line.includes(": error ")), status, stdout };
};
