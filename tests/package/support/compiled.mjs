// Packs as the package's own program compiles them.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Returns the bytes of a compiled pack, made by the package that is installed. */
export function compiled({ folder, dist }, pack) {
  const [from, to] = ["json", "keepset"].map((ending) => join(folder, `compiled.${ending}`));
  writeFileSync(from, JSON.stringify(pack));
  execFileSync(process.execPath, [join(dist, "cli.js"), "compile", from, "-o", to], { stdio: ["ignore", "ignore", "inherit"] });
  return readFileSync(to);
}
