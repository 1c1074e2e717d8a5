import { readFile, rename, writeFile } from 'node:fs/promises';

/** What an earlier run kept in a file; undefined: nothing, or half of it, as of a full disk. */
export async function readKept<Kept>(file: string): Promise<Kept | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Kept);
  } catch {
    return undefined;
  }
}

/** Replaces a file as a whole: a run that is interrupted, or one beside this, leaves no half of it. */
export async function keep(file: string, value: unknown): Promise<void> {
  const unfinished = `${file}.${process.pid}`;
  await writeFile(unfinished, JSON.stringify(value));
  await rename(unfinished, file);
}

/** What git answered, by what it was asked, in one file: of the same text the same is asked again after most commits. */
export class KeptAnswers<Answer> {
  readonly #file: string;
  readonly #known: Map<string, Answer>;
  readonly #used = new Set<string>();

  private constructor(file: string, known: Map<string, Answer>) {
    this.#file = file;
    this.#known = known;
  }

  static async open<Answer>(file: string): Promise<KeptAnswers<Answer>> {
    return new KeptAnswers(file, new Map(await readKept<[string, Answer][]>(file)));
  }

  async of(key: string, ask: () => Promise<Answer>): Promise<Answer> {
    this.#used.add(key);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const answer = await ask();
    this.#known.set(key, answer);
    return answer;
  }

  /** Keeps what was asked for; the rest is of texts that are gone. */
  save(): Promise<void> {
    return keep(
      this.#file,
      [...this.#known].filter(([key]) => this.#used.has(key)),
    );
  }
}
