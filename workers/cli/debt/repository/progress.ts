import type { WriteStream } from 'node:tty';

const BAR_CHARS = 24;
/** At once: git uses a core each. */
const PARALLEL = 2;

/** A bar of how far a collection has come, on a terminal; elsewhere nothing until it is done. */
export class Progress {
  readonly #output: Pick<WriteStream, 'isTTY' | 'write'>;
  #shown = '';

  constructor(output: Pick<WriteStream, 'isTTY' | 'write'> = process.stderr) {
    this.#output = output;
  }

  /** `of`: how much there is in all, if that is known. */
  show(what: string, done: number, of?: number): void {
    if (!this.#output.isTTY) return;
    const share = of === undefined || of === 0 ? undefined : done / of;
    const filled = Math.floor((share ?? 0) * BAR_CHARS);
    const bar = share === undefined ? '' : ` [${'#'.repeat(filled)}${'.'.repeat(BAR_CHARS - filled)}]`;
    const line = `${what}${bar} ${share === undefined ? done : `${Math.floor(share * 100)} %`}`;
    if (line !== this.#shown) this.#output.write(`\r\u001B[K${line}`);
    this.#shown = line;
  }

  /** Works on all, two at a time, and shows how many are done. */
  async inPairs<One>(what: string, all: readonly One[], work: (one: One) => Promise<void>): Promise<void> {
    for (let at = 0; at < all.length; at += PARALLEL) {
      await Promise.all(all.slice(at, at + PARALLEL).map(work));
      this.show(what, Math.min(at + PARALLEL, all.length), all.length);
    }
  }

  end(): void {
    if (this.#output.isTTY) this.#output.write('\r\u001B[K');
  }
}
