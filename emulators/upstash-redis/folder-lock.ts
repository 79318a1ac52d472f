import { createHash } from "node:crypto";
import { realpath, rm } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Held by a living process; the system frees it when the process ends, however it ends. */
export interface FolderLock {
  release(): Promise<void>;
}

/**
 * Takes a folder for this process alone, by listening on a local socket named after it: unlike a pid file, a dead
 * holder is told from a living one for certain. The socket lies in the temp folder, because a socket's path may
 * have only some 100 characters.
 *
 * @throws Error when another process has the folder.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const name = createHash("sha256")
    .update(await realpath(folder))
    .digest("hex")
    .slice(0, 24);
  const windows = process.platform === "win32";
  const path = windows
    ? `\\\\.\\pipe\\signalbox-redis-${name}`
    : join(tmpdir(), `signalbox-redis-${name}.sock`);
  const taken = await listen(path);
  if (taken !== null) return lockOf(taken);
  if (!windows && (await isStale(path))) {
    await rm(path, { force: true });
    const second = await listen(path);
    if (second !== null) return lockOf(second);
  }
  throw new Error(`${folder} is in use by another Upstash Redis emulator`);
}

function lockOf(server: Server): FolderLock {
  return {
    release: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** @returns null when the address is taken, by the living or by the dead. */
function listen(path: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(null);
      else reject(error);
    });
    server.listen(path, () => {
      server.unref();
      resolve(server);
    });
  });
}

function isStale(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code === "ECONNREFUSED" || error.code === "ENOENT");
    });
  });
}
