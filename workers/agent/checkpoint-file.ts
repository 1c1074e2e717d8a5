import { join } from 'node:path';

import type { AttemptArtifacts } from './job-runner.ts';
import { ownFile, pathIn } from './own-file.ts';

/**
 * The file in which a program saves its work, replacing it in one step (write beside it, then rename). It is uploaded when it has changed:
 * at an interval, and once more after the program has ended.
 */
export class CheckpointFile {
  readonly #folder: string;
  readonly #path: string;
  readonly #artifacts: AttemptArtifacts;
  #timer: NodeJS.Timeout | undefined;
  /** What was uploaded last: a file of another time, size or number is another one. */
  #saved = '';
  #saving: Promise<void> = Promise.resolve();
  #isSaving = false;
  #failure: unknown;

  /** `path` is relative to the folder that the program works in. */
  constructor(folder: string, path: string, artifacts: AttemptArtifacts) {
    this.#folder = folder;
    this.#path = path;
    this.#artifacts = artifacts;
  }

  /** Puts the newest checkpoint of the job where the program looks for it; nothing where there is none. */
  async restore(): Promise<void> {
    if (await this.#artifacts.fetchCheckpoint(await pathIn(this.#folder, this.#path))) this.#saved = await this.#version();
  }

  saveEvery(intervalMs: number): void {
    this.#timer ??= setInterval(() => {
      if (!this.#isSaving) this.#queue();
    }, intervalMs);
  }

  /** Ends the saving: after a last time, unless the attempt is lost. */
  async settle(isLost: boolean): Promise<void> {
    clearInterval(this.#timer);
    if (!isLost) this.#queue();
    await this.#saving;
    if (!isLost && this.#failure !== undefined) throw this.#failure;
  }

  #queue(): void {
    this.#isSaving = true;
    this.#saving = this.#saving
      .then(() => this.#save())
      .then(
        () => void (this.#failure = undefined),
        (reason: unknown) => void (this.#failure = reason),
      )
      .finally(() => (this.#isSaving = false));
  }

  async #save(): Promise<void> {
    const version = await this.#version();
    if (version === '' || version === this.#saved) return;
    await this.#artifacts.storeCheckpoint(join(this.#folder, this.#path));
    this.#saved = version;
  }

  async #version(): Promise<string> {
    const found = await ownFile(this.#folder, this.#path);
    return found === undefined ? '' : `${found.ino} ${found.size} ${found.mtimeNs}`;
  }
}
