// Installs the pinned peers from npm into a scratch folder, and says clearly when it cannot.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** What npm says when no registry answers, as opposed to when a package is not there. */
const UNREACHABLE = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|network/i;

/** The list of peers beside a script: the address of the script, and the names and versions. */
export function peersBeside(script) {
  const wanted = readFileSync(fileURLToPath(new URL("package.json", script)), "utf8");
  return { wanted, versions: JSON.parse(wanted).dependencies };
}

/** Installs a list into `folder` unless exactly these versions are there, or throws a sentence; the peers' own scripts never run. */
export function install(folder, { wanted }) {
  mkdirSync(folder, { recursive: true });
  const stamp = join(folder, "node_modules/.installed.json");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  writeFileSync(join(folder, "package.json"), wanted);
  const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--fetch-retries=1"];
  const { status, error, stderr } = spawnSync("npm", args, { cwd: folder, encoding: "utf8" });
  if (error) throw new Error(`npm could not be started (${error.code}): install Node with npm.`);
  if (status === 0) return writeFileSync(stamp, wanted);
  const code = /npm (?:error|ERR!) code (\S+)/.exec(stderr)?.[1] ?? `exit code ${status}`;
  throw new Error(
    UNREACHABLE.test(stderr)
      ? `The npm registry cannot be reached (${code}), so the peers are not there and nothing was compared.`
      : `npm could not install the peers (${code}):\n${stderr.trim()}`,
  );
}
