import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { git } from './git.ts';
import type { Repository } from './repository.ts';

type Times = ReadonlyMap<number, number>;
type Kept = Map<string, readonly (readonly [number, number])[]>;

/**
 * When lines of files were last changed, by `git blame`, which reads the whole history of a file: kept by the file's text, because later commits
 * do not change who wrote what is the same.
 */
export class LineTimes {
  readonly #repository: Repository;
  readonly #file: string;
  readonly #known: Kept;
  readonly #used = new Set<string>();

  private constructor(repository: Repository, file: string, known: Kept) {
    this.#repository = repository;
    this.#file = file;
    this.#known = known;
  }

  static async open(repository: Repository): Promise<LineTimes> {
    const file = join(repository.cache, 'line-times-1.json');
    const text = await readFile(file, 'utf8').catch(() => '[]');
    return new LineTimes(repository, file, new Map(entriesOf(text)));
  }

  /** In seconds; of all lines, or of some. */
  async of(path: string, blob: string, lines: readonly number[] = []): Promise<Times> {
    const key = `${blob} ${path} ${lines.join(',')}`;
    this.#used.add(key);
    const known = this.#known.get(key);
    if (known !== undefined) return new Map(known);
    const times = await blame(this.#repository, path, lines);
    this.#known.set(key, [...times]);
    return times;
  }

  /** Keeps what was asked for; the rest is of texts that are gone. */
  async save(): Promise<void> {
    const kept = [...this.#known].filter(([key]) => this.#used.has(key));
    await writeFile(`${this.#file}.${process.pid}`, JSON.stringify(kept));
    await rename(`${this.#file}.${process.pid}`, this.#file);
  }
}

function entriesOf(text: string): [string, readonly (readonly [number, number])[]][] {
  try {
    return JSON.parse(text) as [string, readonly (readonly [number, number])[]][];
  } catch {
    return [];
  }
}

/** None of a file that is not in the commit. */
async function blame({ root, commit }: Repository, path: string, lines: readonly number[]): Promise<Times> {
  const ranges = new Set(lines.map((line) => `-L${line},${line}`));
  const blamed = await git(root, 'blame', '--no-textconv', '--line-porcelain', ...ranges, commit, '--', path).catch(() => '');
  const times = new Map<number, number>();
  let line = 0;
  for (const row of blamed.split('\n')) {
    const header = /^[0-9a-f]{40,64} \d+ (\d+)/.exec(row);
    if (header !== null) line = Number(header[1]);
    else if (row.startsWith('author-time ')) times.set(line, Number(row.slice(12)));
  }
  return times;
}
