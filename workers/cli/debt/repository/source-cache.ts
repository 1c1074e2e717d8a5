import { createReadStream, existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ANALYSIS_VERSION } from '../source/analyse-source.ts';
import type { Unread } from '../source/analyse-apart.ts';
import type { AnalysedSource } from '../source/analysed-source.ts';

/** Analyses by the hash of the text and the file's extension, so that only what changed is read again. */
export class SourceCache {
  readonly #file: string;
  readonly #known = new Map<string, AnalysedSource | Unread>();
  #isChanged = false;

  private constructor(folder: string) {
    this.#file = join(folder, `sources-${ANALYSIS_VERSION}.jsonl`);
  }

  static async open(folder: string): Promise<SourceCache> {
    const cache = new SourceCache(folder);
    if (!existsSync(cache.#file)) return cache;
    for await (const line of createInterface({ input: createReadStream(cache.#file), crlfDelay: Infinity })) {
      // A line that a full disk cut off is read again from the repository.
      try {
        const [key, analysed] = JSON.parse(line) as [string, AnalysedSource | Unread];
        cache.#known.set(key, analysed);
      } catch {
        cache.#isChanged = true;
      }
    }
    return cache;
  }

  /** Undefined: the text was not read. */
  get(key: string): AnalysedSource | Unread | undefined {
    return this.#known.get(key);
  }

  set(key: string, analysed: AnalysedSource | Unread): void {
    this.#known.set(key, analysed);
    this.#isChanged = true;
  }

  /** Keeps what was asked for now, and forgets the rest beyond so many. */
  async save(used: ReadonlySet<string>, unusedMax = 20_000): Promise<void> {
    if (!this.#isChanged) return;
    const unfinished = `${this.#file}.${process.pid}`;
    const file = await open(unfinished, 'w');
    let unused = 0;
    let buffer = '';
    for (const [key, analysed] of this.#known) {
      if (!used.has(key) && (unused += 1) > unusedMax) continue;
      buffer += `${JSON.stringify([key, analysed])}\n`;
      if (buffer.length < 1 << 20) continue;
      await file.write(buffer);
      buffer = '';
    }
    await file.write(buffer);
    await file.close();
    await rename(unfinished, this.#file);
  }
}
