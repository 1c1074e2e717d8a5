import type { Block, Heading, ReadDocument, Span } from '../blocks/block.ts';

/** What is under headings: from a heading to before the next of its level or above. [DC18] */
export class Sections {
  readonly #document: Span;
  readonly #ends = new Map<Heading, number>();

  constructor({ text, blocks }: ReadDocument) {
    this.#document = { begin: 0, end: text.length };
    for (const { headings, end } of blocks) for (const heading of headings) this.#ends.set(heading, end);
  }

  /** The innermost section that has all of some blocks; the whole document if there is none. */
  around(blocks: readonly Block[]): Span {
    let common = blocks[0]?.headings ?? [];
    let seen = common;
    for (const { headings } of blocks) {
      if (headings === seen) continue;
      seen = headings;
      const depth = common.findIndex((heading, at) => headings[at] !== heading);
      if (depth >= 0) common = common.slice(0, depth);
    }
    const heading = common.at(-1);
    return heading === undefined ? this.#document : { begin: heading.begin, end: this.#ends.get(heading) ?? heading.end };
  }
}
