import { keyHash } from '../../kernel/fast-hash.ts';
import type { Block, ReadDocument, Span } from '../blocks/block.ts';
import type { ChunkSettings, TokenCounter } from './chunk.ts';
import type { Contexts } from './contexts.ts';
import type { Sentence } from './sentences.ts';
import { cutBefore, linesOf, sentencesOf } from './sentences.ts';

/** How much a text changes where a unit begins, ascending. */
export const RANK = {
  /** Behind a heading, which belongs to what is below it: divided only if there is no other way. */
  heading: 0,
  /** Within a line, a row or a sentence that is too long for a chunk. */
  word: 1,
  sentence: 2,
  /** Of code, rows of a table, and lines that were not broken to fit a page. */
  line: 3,
  block: 4,
  /** A heading with others above it. */
  section: 5,
  /** The text's beginning, and headings without others above them: always divided. */
  top: 6,
} as const;

export type Rank = (typeof RANK)[keyof typeof RANK];

/** The smallest part of a text that chunks are made of. */
export interface Unit extends Span {
  readonly block: Block;
  /** Of its beginning. */
  readonly rank: Rank;
  /** With the white space behind it in its block. A text has at most the sum of its units' and of what lies between them. */
  readonly tokens: number;
  /** Of what lies between it and the next block, if it is the last of its own; 0 where a chunk ends in any case. */
  readonly gapTokens: number;
  /** Of its text: by chance different for different texts. */
  readonly hash: number;
}

/** Sentences shorter than this share of a chunk are one unit with those that follow: dividing them gains nothing. */
const UNIT_SHARE = 1 / 16;

/** Of white space and rules between blocks; where there is more, a chunk ends. */
const GAP_CHARS_MAX = 64;

/** The units of a document, each counted once; it yields after each block. [DC11] */
export class Units {
  readonly all: Unit[] = [];
  readonly #text: string;
  readonly #settings: ChunkSettings;
  readonly #contexts: Contexts;
  readonly #count: TokenCounter;

  constructor(text: string, settings: ChunkSettings, contexts: Contexts, count: TokenCounter) {
    this.#text = text;
    this.#settings = settings;
    this.#contexts = contexts;
    this.#count = count;
  }

  *read({ blocks }: ReadDocument): Generator<undefined, void> {
    let before: Block | undefined;
    for (const [at, block] of blocks.entries()) {
      const parts = this.#fitting(block);
      for (const [index, part] of parts.entries()) {
        const isLast = index === parts.length - 1;
        this.#push(block, index === 0 ? { ...part, rank: rankOf(block, before) } : part, isLast ? blocks[at + 1] : undefined);
      }
      before = block;
      yield;
    }
  }

  /** The parts of a block, the short ones as one with those that follow, the long ones divided. */
  #fitting(block: Block): Part[] {
    const { chunkTokensMax, overlapTokens } = this.#settings;
    const tokensMax = chunkTokensMax - overlapTokens - this.#contexts.tokensBefore(block);
    const fitting: Part[] = [];
    for (const span of spansOf(this.#text, block)) {
      const tokens = this.#count(this.#text.slice(span.begin, span.end));
      const last = fitting.at(-1);
      if (last !== undefined && last.tokens < chunkTokensMax * UNIT_SHARE && last.tokens + tokens <= tokensMax)
        fitting.splice(-1, 1, { ...last, end: span.end, tokens: last.tokens + tokens });
      else fitting.push(...this.#divided({ ...span, tokens, rank: rankWithin(block, span) }, tokensMax));
    }
    return fitting;
  }

  #push(block: Block, { begin, end, rank, tokens }: Part, next: Block | undefined): void {
    const isNear = next !== undefined && next.begin - block.end <= GAP_CHARS_MAX;
    const gapTokens = isNear ? this.#count(this.#text.slice(block.end, next.begin)) : 0;
    this.all.push({ begin, end, block, rank, tokens, gapTokens, hash: keyHash(this.#text.slice(begin, end).trimEnd()) });
  }

  /** A part that is too long, halved between words until every piece fits: all halvings together count its characters as often as it is halved. */
  #divided(part: Part, tokensMax: number): Part[] {
    const { begin, end, tokens } = part;
    if (tokens <= tokensMax || end - begin < 2) return [part];
    const cut = cutBefore(this.#text, begin, begin + Math.ceil((end - begin) / 2));
    if (cut >= end) return [part];
    const halves: Part[] = [
      { begin, end: cut, rank: part.rank, tokens: this.#count(this.#text.slice(begin, cut)) },
      { begin: cut, end, rank: RANK.word, tokens: this.#count(this.#text.slice(cut, end)) },
    ];
    return halves.flatMap((half) => this.#divided(half, tokensMax));
  }
}

type Part = Pick<Unit, 'begin' | 'end' | 'rank' | 'tokens'>;

/** How a text changes where a block begins. */
function rankOf(block: Block, before: Block | undefined): Rank {
  if (before === undefined || block.begin - before.end > GAP_CHARS_MAX) return RANK.top;
  if (block.kind === 'heading') return block.headings.length === 1 ? RANK.top : before.kind === 'heading' ? RANK.heading : RANK.section;
  if (before.kind === 'heading') return RANK.heading;
  return RANK.block;
}

/** How a block changes where a part of it begins. What names columns is not divided, nor from the first row below. */
function rankWithin({ header }: Block, { begin, beginsLine }: Sentence): Rank {
  if (header !== null && begin > header.begin && begin <= header.end + LINE_END_CHARS_MAX) return RANK.heading;
  return beginsLine ? RANK.line : RANK.sentence;
}

const LINE_END_CHARS_MAX = 2;

function spansOf(text: string, block: Block): Sentence[] {
  switch (block.kind) {
    case 'heading':
      return [{ begin: block.begin, end: block.end, beginsLine: true }];
    case 'code':
    case 'table':
      return linesOf(text, block).map((line) => ({ ...line, beginsLine: true }));
    case 'paragraph':
    case 'list_item':
    case 'quote':
    case 'record':
      return sentencesOf(text, block);
  }
}
