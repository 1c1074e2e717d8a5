import { keyHash } from '../../kernel/fast-hash.ts';
import type { Block, Span } from '../blocks/block.ts';
import type { TextWindow } from '../blocks/text-window.ts';
import type { ChunkSettings, TokenCounter } from './chunk.ts';
import type { Context } from './contexts.ts';
import { Contexts } from './contexts.ts';
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
  readonly context: Context;
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

/** A text of more characters for each of its tokens, such as a rule or one endless word, counts as if it had more tokens: so chunks are bounded in any case. */
const TOKEN_CHARS_MAX = 16;

/** Blocks as short as this are one unit if they may be: their sentences need not be told apart. */
const SHORT_CHARS_MAX = 128;

/** More pieces than the tokens need, so that most of them fit although words differ. */
const PIECES = 1.1;

/** The units of a document, each counted once. [DC11] */
export class Units {
  readonly #text: TextWindow;
  readonly #settings: ChunkSettings;
  readonly #count: TokenCounter;
  readonly #contexts: Contexts;
  /** The block that was added last, with its units: what lies behind it is not known yet. */
  #last: readonly Unit[] = [];

  constructor(text: TextWindow, settings: ChunkSettings, count: TokenCounter) {
    this.#text = text;
    this.#settings = settings;
    this.#count = (counted) => Math.max(count(counted), Math.ceil(counted.length / TOKEN_CHARS_MAX));
    this.#contexts = new Contexts(settings, this.#count);
  }

  /** Where the text begins that is still needed of the block that was added last. */
  get begin(): number | undefined {
    return this.#last[0]?.begin;
  }

  /** Whether the block that was added last has nothing near behind it, when no block begins before a place. */
  isApart(place: number): boolean {
    return place - (this.#last.at(-1)?.end ?? place) > GAP_CHARS_MAX;
  }

  /** The units of the block before, now that the next one is known. */
  add(block: Block): readonly Unit[] {
    const before = this.end(block);
    const last = before.at(-1)?.block;
    const [context, text] = [this.#contexts.of(block), this.#text.slice(block)];
    this.#last = this.#fitting(block, context, text).map(({ begin, end, rank, tokens }, index) => ({
      begin: block.begin + begin,
      end: block.begin + end,
      block,
      context,
      rank: index === 0 ? rankOf(block, last) : rank,
      tokens,
      gapTokens: 0,
      hash: keyHash(text.slice(begin, end).trimEnd()),
    }));
    return before;
  }

  /** The units of the last block, before the next one or the document's end. */
  end(next?: Block): readonly Unit[] {
    const units = this.#last;
    this.#last = [];
    const last = units.at(-1);
    if (last === undefined || next === undefined || !isNear(last.block, next)) return units;
    const gap = this.#text.slice({ begin: last.block.end, end: next.begin });
    return [...units.slice(0, -1), { ...last, gapTokens: this.#count(gap) }];
  }

  /** The parts of a block's text, the short ones as one with those that follow, the long ones divided. */
  #fitting(block: Block, context: Context, text: string): Part[] {
    const { chunkTokensMax, overlapTokens } = this.#settings;
    const tokensMax = chunkTokensMax - overlapTokens - context.tokens;
    if (text.length <= SHORT_CHARS_MAX) {
      const tokens = this.#count(text);
      if (tokens <= chunkTokensMax * UNIT_SHARE) return [{ begin: 0, end: text.length, tokens, rank: RANK.block }];
    }
    const fitting: Part[] = [];
    for (const sentence of sentencesIn(block, text)) {
      const { begin, end } = sentence;
      const tokens = this.#count(text.slice(begin, end));
      const last = fitting.at(-1);
      if (last !== undefined && last.tokens < chunkTokensMax * UNIT_SHARE && last.tokens + tokens <= tokensMax)
        fitting.splice(-1, 1, { ...last, end, tokens: last.tokens + tokens });
      else fitting.push(...this.#divided(text, { begin, end, tokens, rank: rankWithin(block, sentence) }, tokensMax));
    }
    return fitting;
  }

  /** A part that is too long, divided between words into equal pieces, and those that still are too long again. */
  #divided(text: string, part: Part, tokensMax: number): Part[] {
    const { begin, end, tokens } = part;
    if (tokens <= tokensMax || end - begin < 2) return [part];
    const chars = Math.ceil((end - begin) / Math.ceil((tokens / tokensMax) * PIECES));
    const pieces: Part[] = [];
    for (let from = begin; from < end;) {
      const to = from + chars < end ? cutBefore(text, from, from + chars) : end;
      const piece = { begin: from, end: to, rank: from === begin ? part.rank : RANK.word, tokens: this.#count(text.slice(from, to)) };
      // A character may have more tokens than fit.
      pieces.push(...(to - from < end - begin ? this.#divided(text, piece, tokensMax) : [piece]));
      from = to;
    }
    return pieces;
  }
}

/** Of a block's text: its offsets count from the block's. */
type Part = Pick<Unit, 'begin' | 'end' | 'rank' | 'tokens'>;

const isNear = (block: Block, next: Block): boolean => next.begin - block.end <= GAP_CHARS_MAX;

/** How a text changes where a block begins. */
function rankOf(block: Block, before: Block | undefined): Rank {
  if (before === undefined || !isNear(before, block)) return RANK.top;
  if (block.kind === 'heading') return block.headings.length === 1 ? RANK.top : before.kind === 'heading' ? RANK.heading : RANK.section;
  if (before.kind === 'heading') return RANK.heading;
  return RANK.block;
}

/** How a block changes where a part of it begins. What names columns is not divided, nor from the first row below. */
function rankWithin(block: Block, { begin, beginsLine }: Sentence): Rank {
  const [{ header }, at] = [block, block.begin + begin];
  if (header !== null && at > header.begin && at <= header.end + LINE_END_CHARS_MAX) return RANK.heading;
  return beginsLine ? RANK.line : RANK.sentence;
}

const LINE_END_CHARS_MAX = 2;

function sentencesIn({ kind }: Block, text: string): Sentence[] {
  switch (kind) {
    case 'heading':
      return [{ begin: 0, end: text.length, beginsLine: true }];
    case 'code':
    case 'table':
      return linesOf(text).map((line) => ({ ...line, beginsLine: true }));
    case 'paragraph':
    case 'list_item':
    case 'quote':
    case 'record':
      return sentencesOf(text);
  }
}
