/** Of a block, in units of UTF-16: some 128 tokens, so that a token that is cut at its end weighs little. */
const BLOCK_CHARS = 256;

/** Blocks that are kept, 64 kB of text at most. Half of them still say what a token of source code has on average, to some 2 %. */
const BLOCKS_MAX = 128;

/** Texts that may come in turn, such as those of several answers: beyond them, the oldest is taken as it is. */
const OPEN_MAX = 32;

/**
 * What an answer has said, kept for counting its tokens at the end, if it ends without a report of them. Up to 16,384 characters all is kept; of longer
 * ones every second block, every fourth and so on: those that are left lie evenly over all that came, and stand for it. Each field is a text by itself,
 * as pieces of several come in turn.
 */
export class AnswerText {
  #chars = 0;
  readonly #open = new Map<string, OpenBlock>();
  #blocks: string[] = [];
  /** One of so many blocks is kept. */
  #stride = 1;
  #closed = 0;

  /** In units of UTF-16. */
  get chars(): number {
    return this.#chars;
  }

  add(field: string, text: string): void {
    if (text === '') return;
    this.#chars += text.length;
    let block = this.#open.get(field);
    if (block === undefined) {
      block = new OpenBlock();
      this.#makeRoom();
      this.#open.set(field, block);
    }
    for (let from = 0; from < text.length;) {
      from += block.take(text, from);
      if (block.isFull) this.#keep(block.close());
    }
  }

  /** `count`: the tokens of a text. Answers those of all that came. */
  tokens(count: (text: string) => number): number {
    for (const block of this.#open.values()) this.#keep(block.close());
    this.#open.clear();
    let tokens = 0;
    let chars = 0;
    for (const block of this.#blocks) {
      tokens += count(block);
      chars += block.length;
    }
    return chars === 0 ? 0 : Math.round((tokens * this.#chars) / chars);
  }

  #makeRoom(): void {
    if (this.#open.size < OPEN_MAX) return;
    for (const [field, oldest] of this.#open) {
      this.#keep(oldest.close());
      this.#open.delete(field);
      return;
    }
  }

  #keep(block: string): void {
    if (block === '') return;
    if (this.#closed % this.#stride === 0) this.#blocks.push(block);
    this.#closed += 1;
    if (this.#blocks.length <= BLOCKS_MAX) return;
    this.#blocks = this.#blocks.filter((_, at) => at % 2 === 0);
    this.#stride *= 2;
  }
}

/** A block that fills. It has units of its own: a part of a text would keep all of the text in memory. */
class OpenBlock {
  readonly #units = new Uint16Array(BLOCK_CHARS + 1);
  #length = 0;

  /** A pair of surrogates is not cut. */
  get isFull(): boolean {
    const last = this.#units[this.#length - 1] ?? 0;
    return this.#length > BLOCK_CHARS || (this.#length === BLOCK_CHARS && (last & 0xfc00) !== 0xd800);
  }

  /** Takes of a text from there on what finds room; answers how much. */
  take(text: string, from: number): number {
    const begun = this.#length;
    for (let at = from; at < text.length && !this.isFull; at += 1) {
      this.#units[this.#length] = text.charCodeAt(at);
      this.#length += 1;
    }
    return this.#length - begun;
  }

  /** What it has, and begins anew. */
  close(): string {
    const text = String.fromCharCode(...this.#units.subarray(0, this.#length));
    this.#length = 0;
    return text;
  }
}
