import { shortSha256 } from '../../kernel/short-sha256.ts';
import type { Block } from '../blocks/block.ts';
import { trimmed } from '../blocks/parts.ts';
import type { TextWindow } from '../blocks/text-window.ts';
import type { Chunk } from './chunk.ts';
import { embeddedText } from './chunk.ts';
import { contextBefore } from './contexts.ts';
import type { Unit } from './units.ts';
import { RANK } from './units.ts';

/** Makes chunks of units, in the document's order. */
export class ChunkCutter {
  readonly #document: string;
  readonly #text: TextWindow;
  readonly #overlapTokens: number;
  /** How often a content has occurred. */
  readonly #occurrences = new Map<string, number>();
  /** Of the chunk before, without its own overlap. */
  #before: readonly Unit[] = [];
  #count = 0;

  constructor(document: string, text: TextWindow, overlapTokens: number) {
    this.#document = document;
    this.#text = text;
    this.#overlapTokens = overlapTokens;
  }

  /** How many were made. */
  get count(): number {
    return this.#count;
  }

  /** Where the text begins that the next chunk may overlap. */
  get begin(): number | undefined {
    return this.#before[0]?.begin;
  }

  /** The next chunk overlaps nothing. */
  forget(): void {
    this.#before = [];
  }

  /** The chunk of some units of its own; undefined where they are white space. */
  cut(own: readonly Unit[]): Chunk | undefined {
    const chosen = [...this.#overlapBefore(own[0]!), ...own];
    this.#before = own;
    const [first, last] = [chosen[0]!, own.at(-1)!];
    const whole = this.#text.slice({ begin: first.begin, end: last.end });
    const { begin, end } = trimmed(whole, first.begin);
    if (begin === end) return undefined;
    const text = whole.slice(begin - first.begin, end - first.begin);
    const context = contextBefore(first.context, begin);
    const content = own.find(({ block }) => block.kind !== 'heading') ?? own[0]!;
    const position = this.#count;
    this.#count += 1;
    return {
      ...this.#identified({ context, text }),
      position,
      begin,
      end,
      text,
      context,
      headings: content.block.headings.map(({ title }) => title),
      section: sectionOf(chosen.map(({ block }) => block)),
      page: first.block.page,
      line: first.block.line,
      tokens: tokensOf(chosen) + (context === '' ? 0 : first.context.tokens),
    };
  }

  /** The last units of the chunk before: within the section, and outside of tables. [DC15] */
  #overlapBefore(first: Unit): readonly Unit[] {
    const overlap: Unit[] = [];
    let left = this.#overlapTokens;
    let next = first;
    for (const unit of this.#before.toReversed()) {
      left -= unit.tokens + unit.gapTokens;
      const isApart = next.rank === RANK.top || unit.block.headings !== first.block.headings || unit.block.header !== null;
      if (left < 0 || isApart) break;
      overlap.unshift(unit);
      next = unit;
    }
    return overlap;
  }

  /** An id is the same wherever the content is: offsets, positions and pages are no part of it. [DC17] */
  #identified(content: Pick<Chunk, 'context' | 'text'>): Pick<Chunk, 'id' | 'contentHash'> {
    const contentHash = shortSha256(embeddedText(content));
    const occurrence = this.#occurrences.get(contentHash) ?? 0;
    this.#occurrences.set(contentHash, occurrence + 1);
    return { id: shortSha256(`${contentHash} ${occurrence} ${this.#document}`).slice(0, 32), contentHash };
  }
}

const tokensOf = (units: readonly Unit[]): number =>
  units.reduce((sum, { tokens, gapTokens }) => sum + tokens + gapTokens, 0) - (units.at(-1)?.gapTokens ?? 0);

/** Where the innermost section begins that has all of some blocks, which is its heading's place; 0 if no heading has all of them below. [DC18] */
function sectionOf(blocks: readonly Block[]): number {
  let common = blocks[0]?.headings ?? [];
  let seen = common;
  for (const { headings } of blocks) {
    if (headings === seen) continue;
    seen = headings;
    const depth = common.findIndex((heading, at) => headings[at] !== heading);
    if (depth >= 0) common = common.slice(0, depth);
  }
  return common.at(-1)?.begin ?? 0;
}
