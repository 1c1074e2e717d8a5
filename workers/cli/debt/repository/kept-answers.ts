import { readFile, rename, writeFile } from 'node:fs/promises';

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
    const text = await readFile(file, 'utf8').catch(() => '[]');
    return new KeptAnswers(file, new Map(entriesOf<Answer>(text)));
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
  async save(): Promise<void> {
    const kept = [...this.#known].filter(([key]) => this.#used.has(key));
    await writeFile(`${this.#file}.${process.pid}`, JSON.stringify(kept));
    await rename(`${this.#file}.${process.pid}`, this.#file);
  }
}

/** A file that a full disk cut off is as good as none. */
function entriesOf<Answer>(text: string): [string, Answer][] {
  try {
    return JSON.parse(text) as [string, Answer][];
  } catch {
    return [];
  }
}
