// The packed package, installed into a fresh folder as a developer would.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));
/** The folder `cargo xtask pkg` wrote. */
export const source = process.env.KEEPSET_PACKAGE ?? join(root, "target/pkg/keepset");
/** Where the tools of the tests are. */
export const tools = join(root, "pkg-template/node_modules");

/** Where it was packed and installed already, with what npm said of it: once for all files, for it takes seconds. */
const { KEEPSET_PACKED: before } = process.env;

/** Packs, installs and returns the folders, each file's its own; they are gone when the test file ends. */
export function install() {
  const folder = mkdtempSync(join(tmpdir(), "keepset-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const npm = (...args) => execFileSync("npm", args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  const [packed] = JSON.parse(before ? readFileSync(join(before, "packed.json"), "utf8") : npm("pack", source, "--json", "--pack-destination", folder));
  const tarball = join(before ?? folder, packed.filename);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  if (before) cpSync(join(before, "node_modules"), join(folder, "node_modules"), { recursive: true });
  else npm("install", "--no-audit", "--no-fund", "--no-save", "--offline", tarball);
  return { folder, tarball, packed, package: join(folder, "node_modules/keepset"), dist: join(folder, "node_modules/keepset/dist") };
}

/** Puts packages of the tests' tools beside the installed one, as a site has them that uses both. */
export function bring({ folder }, packages) {
  for (const name of packages) {
    const place = join(folder, "node_modules", name);
    if (existsSync(place)) continue;
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(join(tools, name), place);
  }
}
