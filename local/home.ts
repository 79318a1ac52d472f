import {
  accessSync,
  constants,
  existsSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { StartFailure } from "./failure.js";
import { PostgresFailure } from "./postgres/failure.js";
import { claimFolder } from "./postgres/owner.js";
import { makePassable } from "./postgres/place.js";

/**
 * The folder in which one local Signalbox keeps everything: database, emulators' data, secrets,
 * ports, logs. Its files are for their owner only; the folder itself can be passed through, because
 * as root Postgres runs as another user.
 */
export interface Home {
  readonly dir: string;
  path(name: string): string;
  /** A JSON file of the home; undefined when it is not there. */
  read<T>(name: string): T | undefined;
  /** Written beside and renamed, so that a crash leaves the old text or the new one. */
  write(name: string, value: unknown): void;
  remove(name: string): void;
}

/** @throws StartFailure when the folder can't be made, or not be written to. */
export function openHome(wanted: string): Home {
  const dir = makeFolder(resolve(wanted));
  const path = (name: string): string => join(dir, name);
  return {
    dir,
    path,
    read: (name) => readJson(path(name)),
    write(name, value) {
      const draft = `${path(name)}.${process.pid}`;
      writeFileSync(draft, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
      renameSync(draft, path(name));
    },
    remove: (name) => rmSync(path(name), { force: true }),
  };
}

/**
 * Says that this process is the home's one Signalbox; returns what lets go again.
 *
 * @throws StartFailure while another one lives
 */
export function claimHome(home: Home): () => void {
  try {
    return claimFolder(home.path("signalbox"));
  } catch (error) {
    if (!(error instanceof PostgresFailure) || error.code !== "folder_in_use") throw error;
    const running = home.read<{ url: string; pid: number }>("running.json");
    const where = running === undefined ? "" : ` (${running.url}, process ${running.pid})`;
    throw new StartFailure(
      `Signalbox is already running on ${home.dir}${where}. Use that one, stop it with Ctrl-C, or ` +
        "start another beside it: npm start -- --home <another folder> --port <another port>",
      { cause: error },
    );
  }
}

function makeFolder(dir: string): string {
  try {
    makePassable(dir);
    if (!statSync(dir).isDirectory()) throw new StartFailure(`${dir} is a file, not a folder.`);
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
    return realpathSync(dir);
  } catch (error) {
    if (error instanceof StartFailure) throw error;
    const why = (error as Error).message;
    throw new StartFailure(
      `The data folder ${dir} can't be used (${why}). Choose another with --home or SIGNALBOX_HOME.`,
      { cause: error },
    );
  }
}

function readJson<T>(file: string): T | undefined {
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, "utf8");
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    const message = `${file} is damaged: it holds no JSON. Put it right, or delete it.`;
    throw new StartFailure(message, { cause: error });
  }
}
