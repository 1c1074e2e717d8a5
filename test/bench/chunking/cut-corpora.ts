import type { ChunkSettings } from '../../../src/documents/chunks/chunk.ts';
import { embeddedText } from '../../../src/documents/chunks/chunk.ts';
import type { StoredChunk } from '../../../src/documents/passages/passage.ts';
import { chunked } from '../../support/documents/read.ts';
import { RecursiveSplitter } from './recursive-split.ts';
import { countTokens } from './token-places.ts';

/** A chunk of a corpus, and what of it is searched. */
export interface CutChunk extends StoredChunk {
  readonly searched: string;
}

export const cutByProduct = (corpora: ReadonlyMap<string, string>, settings: ChunkSettings): CutChunk[] =>
  [...corpora].flatMap(([document, text]) =>
    chunked(text, { settings, count: countTokens, id: document }).map((chunk) => ({ ...chunk, document, searched: embeddedText(chunk) })),
  );

export const cutRecursively = (
  corpora: ReadonlyMap<string, string>,
  settings: { readonly tokensMax: number; readonly overlapTokens: number },
): CutChunk[] =>
  [...corpora].flatMap(([document, source]) =>
    new RecursiveSplitter(source, settings, countTokens).chunks().map(({ begin, end }, position) => {
      const text = source.slice(begin, end);
      return {
        document,
        position,
        begin,
        end,
        text,
        searched: text,
        section: 0,
        headings: [],
        page: null,
        line: null,
        tokens: countTokens(text),
      };
    }),
  );
