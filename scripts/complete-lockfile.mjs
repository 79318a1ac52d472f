// node scripts/complete-lockfile.mjs [package-lock.json]
//
// npm leaves an optional package out of the lock file when the registry at hand has no such package
// (a mirror without the builds for other systems), and `npm ci` then refuses the lock file on every
// machine. This adds the entries that the packages' own exact `optionalDependencies` ask for. They
// carry no checksum: nothing was downloaded that one could be taken from.
import { readFileSync, writeFileSync } from "node:fs";

const file = process.argv[2] ?? "package-lock.json";
const lock = JSON.parse(readFileSync(file, "utf8"));
const packages = lock.packages;

const OS = {
  linux: "linux",
  darwin: "darwin",
  win32: "win32",
  windows: "win32",
  android: "android",
};
Object.assign(OS, { freebsd: "freebsd", openharmony: "openharmony" });
const CPU = ["arm64", "arm", "x64", "ia32", "ppc64", "riscv64", "s390x", "loong64"];

/** Where Node finds `name` from the package at `path`: npm's key, or undefined. */
function find(path, name) {
  const folders = path.split("/node_modules/");
  for (let depth = folders.length; depth >= 0; depth -= 1) {
    const folder = folders.slice(0, depth).join("/node_modules/");
    const key = folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (packages[key] !== undefined) return key;
  }
  return undefined;
}

/** `@scope/binding-linux-arm64-musl` says for which system it is; others must know already. */
function system(name) {
  const words = name.split("/").at(-1).split("-");
  const os = words.map((word) => OS[word]).find((word) => word !== undefined);
  const cpu = words.find((word) => CPU.includes(word));
  if (os === undefined || cpu === undefined) return undefined;
  const libc = words.some((word) => word.startsWith("musl")) ? ["musl"] : ["glibc"];
  return { cpu: [cpu], libc: os === "linux" ? libc : undefined, os: [os] };
}

const added = [];
for (const [path, parent] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const found = find(path, name);
    if (found !== undefined && (packages[found].version === version || !/^\d/.test(version)))
      continue;
    const where = system(name);
    if (where === undefined || !/^\d+\.\d+\.\d+\S*$/.test(version)) {
      process.stderr.write(`Can't complete ${name}@${version}, wanted by ${path}\n`);
      process.exitCode = 1;
      continue;
    }
    const key = found === undefined ? `node_modules/${name}` : `${path}/node_modules/${name}`;
    const { cpu, libc, os } = where;
    const dev = parent.dev === true ? { dev: true } : {};
    packages[key] = { version, cpu, ...dev, ...(libc && { libc }), optional: true, os };
    added.push(key);
  }
}
lock.packages = Object.fromEntries(
  Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, "en")),
);
if (added.length > 0) writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`${added.length} entries added to ${file}\n`);
