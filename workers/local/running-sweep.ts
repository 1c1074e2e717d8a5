import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { join } from 'node:path';

import { alarmsOf, ASIDE, databaseFolders, isDatabase, isEmptyUnopened } from './sweep-files.ts';

/** Files that one pass looks at, and sets aside: each costs some system calls on the thread that runs the server. */
const LOOKED_MAX_COUNT = 2_000;
const SWEPT_MAX_COUNT = 100;
/** An `open` that found a file before it was renamed has its descriptor by then. */
const SETTLE_MS = 1_000;

export interface RunningSweepParts {
  readonly storeDir: string;
  /** The paths of all files that the runtime has open; undefined where they cannot be listed. */
  readonly openFiles: () => ReadonlySet<string> | undefined;
  readonly sleep: (ms: number) => Promise<void>;
  readonly nowMs: () => number;
  /** A younger file is that of an object that is being made, perhaps. */
  readonly ageMinMs: number;
}

/** A file that was empty when it had been modified last then. */
interface EmptyFile {
  readonly path: string;
  readonly modifiedMs: number;
}

/**
 * Removes the files of objects that store nothing while workerd runs on the folder: it closes a file some ten seconds after its object was last
 * called, and keeps it.
 *
 * No file of a live object is removed. One that is empty and not open is set aside first, by renaming it: an object that is addressed from then
 * on opens a new file, as it would have after the removal. An object that had opened it before shows it among the open files, at once or after
 * `SETTLE_MS`, or has changed it: then it gets its name back. [G43]
 */
export class RunningSweep {
  readonly #parts: RunningSweepParts;
  /** The file that was looked at last: the next pass goes on behind it. */
  #last = '';

  constructor(parts: RunningSweepParts) {
    this.#parts = parts;
  }

  /** Answers how many files it removed. */
  async pass(): Promise<number> {
    const aside = await this.#candidates();
    if (aside.length === 0) return 0;
    for (const { path } of aside) renameSync(path, path + ASIDE);
    const unopened = this.#restoreOpened(aside);
    await this.#parts.sleep(SETTLE_MS);
    const unused = this.#restoreOpened(unopened);
    for (const { path } of unused) rmSync(path + ASIDE, { force: true });
    return unused.length;
  }

  async #candidates(): Promise<EmptyFile[]> {
    const open = this.#parts.openFiles();
    if (open === undefined) return [];
    const [candidates, behind]: [EmptyFile[], string] = [[], this.#last];
    let looked = 0;
    this.#last = '';
    for (const folder of databaseFolders(this.#parts.storeDir)) {
      if (`${folder}/\uFFFF` < behind) continue;
      const alarmed = alarmsOf(folder, { readOnly: true });
      for (const file of await databasesIn(folder)) {
        const path = join(folder, file);
        if (path <= behind) continue;
        if (looked === LOOKED_MAX_COUNT || candidates.length === SWEPT_MAX_COUNT) return candidates;
        looked += 1;
        this.#last = path;
        const isIdle = !alarmed.has(file.slice(0, -'.sqlite'.length)) && !open.has(path);
        const empty = isIdle ? this.#oldAndEmpty(path) : undefined;
        if (empty !== undefined) candidates.push(empty);
      }
    }
    this.#last = '';
    return candidates;
  }

  #oldAndEmpty(path: string): EmptyFile | undefined {
    const modifiedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (modifiedMs === undefined || modifiedMs > this.#parts.nowMs() - this.#parts.ageMinMs) return undefined;
    return isEmptyUnopened(path) ? { path, modifiedMs } : undefined;
  }

  /** Restores the names of files that were opened or changed meanwhile, and returns the others. */
  #restoreOpened(aside: readonly EmptyFile[]): EmptyFile[] {
    const open = this.#parts.openFiles();
    return aside.filter(({ path, modifiedMs }) => {
      const isUnused = open !== undefined && !open.has(path + ASIDE) && isUnchanged(path, modifiedMs);
      if (!isUnused && !existsSync(path)) renameSync(path + ASIDE, path);
      return isUnused;
    });
  }
}

/** A journal under the old name belongs to a process that opened the file under it; one of a new file comes with that file. */
const isUnchanged = (path: string, modifiedMs: number): boolean =>
  statSync(path + ASIDE).mtimeMs === modifiedMs && (existsSync(path) || !existsSync(`${path}-wal`));

async function databasesIn(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name } of await opendir(folder)) if (isDatabase(name)) files.push(name);
  return files.sort();
}
