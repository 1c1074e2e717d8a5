import type { Block, Heading, Span } from '../blocks/block.ts';
import type { ChunkSettings, TokenCounter } from './chunk.ts';

/** Of a chunk's tokens, titles may take so many, and names of columns as many again: the rest is for what is said below them. */
const SHARE = 0.25;

interface Kept {
  readonly headings: readonly Heading[];
  readonly header: Span | null;
  /** Of all of it. */
  readonly tokens: number;
}

/**
 * What stands before chunks where they are embedded: the titles above, one a line, and the rows that name the columns of a table. Titles that do not fit are
 * left out from the outermost on; rows that do not fit are left out. [DC14]
 */
export class Contexts {
  readonly #text: string;
  readonly #settings: ChunkSettings;
  readonly #count: TokenCounter;
  readonly #kept = new Map<readonly Heading[], Map<Span | null, Kept>>();

  constructor(text: string, settings: ChunkSettings, count: TokenCounter) {
    this.#text = text;
    this.#settings = settings;
    this.#count = count;
  }

  /** The most tokens of what stands before a chunk that begins in a block. */
  tokensBefore(block: Block): number {
    return this.#settings.hasContext ? this.#of(block).tokens : 0;
  }

  /** What stands before a chunk that begins in a block at a place: nothing that the chunk itself has. */
  before(block: Block, begin: number): string {
    if (!this.#settings.hasContext) return '';
    const { headings, header } = this.#of(block);
    const titles = headings.filter((heading) => heading.begin < begin).map(({ title }) => title);
    const rows = header !== null && header.begin < begin ? [this.#text.slice(header.begin, header.end)] : [];
    return lines([...titles, ...rows]);
  }

  #of({ headings, header }: Block): Kept {
    const byHeader = this.#kept.get(headings) ?? new Map<Span | null, Kept>();
    this.#kept.set(headings, byHeader);
    const kept = byHeader.get(header) ?? this.#fitting(headings, header);
    byHeader.set(header, kept);
    return kept;
  }

  #fitting(headings: readonly Heading[], header: Span | null): Kept {
    const tokensMax = Math.floor(this.#settings.chunkTokensMax * SHARE);
    const counts = headings.map(({ title }) => this.#count(lines([title])));
    let titleTokens = 0;
    let first = headings.length;
    for (; first > 0 && titleTokens + counts[first - 1]! <= tokensMax; first -= 1) titleTokens += counts[first - 1]!;
    const rowTokens = header === null ? 0 : this.#count(lines([this.#text.slice(header.begin, header.end)]));
    const hasRows = header !== null && rowTokens <= tokensMax;
    return { headings: headings.slice(first), header: hasRows ? header : null, tokens: titleTokens + (hasRows ? rowTokens : 0) };
  }
}

const lines = (texts: readonly string[]): string => texts.map((text) => `${text}\n`).join('');
