// Where tests write: a folder in memory, or the system's own folder for temporary files. Printed when run.
import { accessSync, constants, existsSync, readFileSync, realpathSync, statfsSync } from "node:fs";
import { freemem, tmpdir } from "node:os";
import { fileURLToPath } from "node:url";

const PLACE = "/dev/shm";
/** A run of the tests holds a tenth of it at once. */
const BYTES_MIN = 4 * 1024 ** 3;

/**
 * Each test has a database of its own: hundreds of files, made and deleted again. ext4 without a journal, which
 * virtual machines have, looks at all that were deleted lately for each that is made: half of the tests' time.
 *
 * @returns PLACE where it is a file system in memory with room, in which programs may run; else, and when TMPDIR is set, the system's
 */
export function memoryFolder() {
  if (process.env.TMPDIR !== undefined || process.platform !== "linux") return tmpdir();
  const mount = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .findLast(([, place]) => place === PLACE);
  if (mount?.[2] !== "tmpfs" || mount[3]?.split(",").includes("noexec")) return tmpdir();
  try {
    accessSync(PLACE, constants.W_OK);
  } catch {
    return tmpdir();
  }
  // Of a file system in memory what is free may be in use by processes.
  const { bavail, bsize } = statfsSync(PLACE);
  return Math.min(bavail * bsize, freemem()) < BYTES_MIN ? tmpdir() : PLACE;
}

const isMain =
  process.argv[1] !== undefined &&
  existsSync(process.argv[1]) &&
  realpathSync(process.argv[1]) === fileURLToPath(import.meta.url);
if (isMain) process.stdout.write(`${memoryFolder()}\n`);
