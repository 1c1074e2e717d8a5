import type { Block, HeaderRows, Heading } from '../blocks/block.ts';
import type { ChunkSettings, TokenCounter } from './chunk.ts';

/** What may stand before chunks that begin in a block. */
export interface Context {
  readonly headings: readonly Heading[];
  readonly header: HeaderRows | null;
  /** Of all of it. */
  readonly tokens: number;
}

/** Of a chunk's tokens, titles may take so many, and names of columns as many again: the rest is for what is said below them. */
const SHARE = 0.25;

const NOTHING: Context = { headings: [], header: null, tokens: 0 };

/**
 * What stands before chunks where they are embedded: the titles above, one a line, and the rows that name the columns of a table. Titles that do not fit are
 * left out from the outermost on; rows that do not fit are left out. [DC14]
 */
export class Contexts {
  readonly #settings: ChunkSettings;
  readonly #count: TokenCounter;
  /** Of the block before: those of one section and one table follow each other. */
  #last: { readonly block: Block; readonly context: Context } | undefined;

  constructor(settings: ChunkSettings, count: TokenCounter) {
    this.#settings = settings;
    this.#count = count;
  }

  of(block: Block): Context {
    if (!this.#settings.hasContext) return NOTHING;
    const last = this.#last;
    const isSame = last?.block.headings === block.headings && last.block.header === block.header;
    const context = isSame ? last.context : this.#fitting(block);
    this.#last = { block, context };
    return context;
  }

  #fitting({ headings, header }: Block): Context {
    const tokensMax = Math.floor(this.#settings.chunkTokensMax * SHARE);
    let titleTokens = 0;
    let first = headings.length;
    for (; first > 0; first -= 1) {
      const tokens = this.#count(lines([headings[first - 1]!.title]));
      if (titleTokens + tokens > tokensMax) break;
      titleTokens += tokens;
    }
    const rowTokens = header === null ? 0 : this.#count(lines([header.text]));
    const hasRows = rowTokens <= tokensMax;
    return {
      headings: headings.slice(first),
      header: hasRows ? header : null,
      tokens: titleTokens + (hasRows ? rowTokens : 0),
    };
  }
}

/** What stands before a chunk that begins at a place: nothing that the chunk itself has. */
export function contextBefore({ headings, header }: Context, begin: number): string {
  const titles = headings.filter((heading) => heading.begin < begin).map(({ title }) => title);
  return lines(header !== null && header.begin < begin ? [...titles, header.text] : titles);
}

const lines = (texts: readonly string[]): string => texts.map((text) => `${text}\n`).join('');
