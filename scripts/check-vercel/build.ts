import { execFile, execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const OUTPUT_BYTES_MAX = 50_000_000;
const INSTALL_TIMEOUT_MS = 10 * 60_000;
const BUILD_TIMEOUT_MS = 8 * 60_000;

const CLI_VERSION = "64.0.2";
/** 360 MB, so it is kept out of the project's own packages. Its sandbox asks for a version that does not exist. */
const CLI_MANIFEST = {
  private: true,
  dependencies: { vercel: CLI_VERSION },
  overrides: { sandbox: "4.5.0" },
};

/** A project that nobody has: a build needs its name and settings, and no log-in. */
const PROJECT = {
  projectId: "prj_local",
  orgId: "team_local",
  projectName: "signalbox",
  settings: { framework: null, nodeVersion: "22.x" },
};

/** Installs Vercel's command line once, and says where it is. */
export async function installCli(): Promise<string> {
  const folder = join(root, ".cache", "vercel-cli");
  const manifest = join(folder, "node_modules", "vercel", "package.json");
  const script = join(folder, "node_modules", "vercel", "dist", "vc.js");
  const installed = existsSync(manifest) && existsSync(join(folder, "installed"));
  if (installed && readFileSync(manifest, "utf8").includes(`"version": "${CLI_VERSION}"`)) {
    return script;
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify(CLI_MANIFEST));
  const args = ["install", "--no-audit", "--no-fund", "--no-progress", "--loglevel=error"];
  await run("npm", args, { cwd: folder, timeout: INSTALL_TIMEOUT_MS });
  writeFileSync(join(folder, "installed"), ""); // an install that was killed must not look done
  return script;
}

/** Copies what git knows, with what is not committed yet, and the installed packages beside it. */
export function copyRepository(to: string): void {
  const listing = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "-z"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: OUTPUT_BYTES_MAX,
  });
  for (const file of listing.split("\0").filter((name) => existsSync(join(root, name || "\0")))) {
    mkdirSync(dirname(join(to, file)), { recursive: true });
    cpSync(join(root, file), join(to, file));
  }
  const [from, into] = [join(root, "node_modules"), join(to, "node_modules")];
  try {
    execFileSync("cp", ["-al", from, into], { stdio: "ignore" }); // links, where one disk holds both
  } catch {
    rmSync(into, { recursive: true, force: true });
    cpSync(from, into, { recursive: true, verbatimSymlinks: true });
  }
}

/**
 * Runs `vercel build` in a copy of the repository.
 *
 * @returns the folder of its output.
 * @throws Error with the end of what it said, also for type errors, which it takes for warnings.
 */
export async function build(
  cli: string,
  repository: string,
  configFolder: string,
): Promise<string> {
  mkdirSync(join(repository, ".vercel"));
  writeFileSync(join(repository, ".vercel", "project.json"), JSON.stringify(PROJECT));
  const args = [cli, "build", "--prod", "--yes", "--global-config", configFolder];
  const env = { ...process.env, VERCEL_TELEMETRY_DISABLED: "1", NO_UPDATE_NOTIFIER: "1" };
  const options = { cwd: repository, env, timeout: BUILD_TIMEOUT_MS, maxBuffer: OUTPUT_BYTES_MAX };
  const child = run(process.execPath, args, options);
  child.child.stdin?.end();
  const said = await child.then(
    ({ stdout, stderr }) => ({ failed: false, text: `${stdout}\n${stderr}` }),
    (error: Error & { stdout?: string; stderr?: string }) => ({
      failed: true,
      text: `${error.stdout ?? ""}\n${error.stderr ?? ""}\n${error.message.split("\n")[0]}`,
    }),
  );
  const typeErrors = said.text.split("\n").filter((line) => /error TS\d+/.test(line));
  if (typeErrors.length > 0) throw new Error(`type errors in the build:\n${typeErrors.join("\n")}`);
  if (said.failed) throw new Error(said.text.trim().split("\n").slice(-30).join("\n"));
  return join(repository, ".vercel", "output");
}
