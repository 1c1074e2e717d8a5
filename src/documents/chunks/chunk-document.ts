import type { Outcome } from '../../contract/api/outcome.ts';
import { DOCUMENT_LIMITS } from '../../contract/documents/document-limits.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { assert } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import { shortSha256 } from '../../kernel/short-sha256.ts';
import type { ReadDocument } from '../blocks/block.ts';
import { trimmed } from '../blocks/parts.ts';
import { fixedCuts } from './anchors.ts';
import type { Chunk, ChunkSettings, TokenCounter } from './chunk.ts';
import { embeddedText } from './chunk.ts';
import { Contexts } from './contexts.ts';
import { divide } from './division.ts';
import { Sections } from './sections.ts';
import type { Unit } from './units.ts';
import { RANK, Units } from './units.ts';

/** A document by the name that its chunks' ids are made of. */
export interface NamedDocument extends ReadDocument {
  readonly id: string;
}

/**
 * Cuts a document into chunks of at most `chunkTokensMax` tokens with their context. Together they have every block; headings, blocks and sentences are
 * divided as rarely as that allows. It yields between blocks, so that others have their turn. Refuses a document of too many chunks. [DC10] [DC16]
 */
export function* chunkDocument(
  document: NamedDocument,
  settings: ChunkSettings,
  count: TokenCounter,
): Generator<undefined, Outcome<Chunk[]>> {
  const { chunkTokensMax, overlapTokens } = settings;
  assert(
    chunkTokensMax >= DOCUMENT_LIMITS.chunkTokensMin && chunkTokensMax <= DOCUMENT_LIMITS.chunkTokensMax,
    'the limit of a chunk is within the limits',
  );
  assert(overlapTokens >= 0 && overlapTokens <= chunkTokensMax / 4, 'a quarter of a chunk at most is part of another');
  const contexts = new Contexts(document.text, settings, count);
  const units = new Units(document.text, settings, contexts, count);
  yield* units.read(document);
  const fixed = yield* fixedCuts(units.all, chunkTokensMax);
  const cuts = yield* divide(units.all, fixed, ({ block }) => chunkTokensMax - overlapTokens - contexts.tokensBefore(block));
  if (cuts.length - 1 > DOCUMENT_LIMITS.chunksMaxCount)
    return refuseBeyond({
      limit: 'chunksMaxCount',
      value: cuts.length - 1,
      what: `the document has ${cuts.length - 1} chunks`,
      advice: 'give it larger chunks, or divide it into several documents',
    });
  const chunks: Chunk[] = [];
  const cutter = new ChunkCutter(document, contexts, overlapTokens);
  for (const [at, end] of cuts.entries()) {
    if (at > 0) chunks.push(...cutter.cut(units.all, { from: cuts[at - 1]!, to: end, position: chunks.length }));
    yield;
  }
  return ok(chunks);
}

interface Cut {
  /** Units of its own. */
  readonly from: number;
  readonly to: number;
  readonly position: number;
}

class ChunkCutter {
  readonly #document: NamedDocument;
  readonly #contexts: Contexts;
  readonly #overlapTokens: number;
  readonly #sections: Sections;
  /** How often a content has occurred. */
  readonly #occurrences = new Map<string, number>();

  constructor(document: NamedDocument, contexts: Contexts, overlapTokens: number) {
    this.#document = document;
    this.#contexts = contexts;
    this.#overlapTokens = overlapTokens;
    this.#sections = new Sections(document);
  }

  /** The chunk of some units; none where they are white space. */
  cut(units: readonly Unit[], { from, to, position }: Cut): Chunk[] {
    const own = units.slice(from, to);
    const chosen = units.slice(this.#overlapStart(units, from), to);
    const [first, last] = [chosen[0]!, own.at(-1)!];
    const { begin, end } = trimmed(this.#document.text, first.begin, last.end);
    if (begin === end) return [];
    const text = this.#document.text.slice(begin, end);
    const context = this.#contexts.before(first.block, begin);
    const content = own.find(({ block }) => block.kind !== 'heading') ?? own[0]!;
    return [
      {
        ...this.#identified({ context, text }),
        position,
        begin,
        end,
        text,
        context,
        headings: content.block.headings.map(({ title }) => title),
        section: this.#sections.around(chosen.map(({ block }) => block)),
        page: first.block.page,
        line: first.block.line,
        tokens: tokensOf(chosen) + (context === '' ? 0 : this.#contexts.tokensBefore(first.block)),
      },
    ];
  }

  /** Back from a chunk's own units as far as the overlap reaches within the section, outside of tables. [DC15] */
  #overlapStart(units: readonly Unit[], from: number): number {
    let start = from;
    let left = this.#overlapTokens;
    for (; start > 0 && units[start]!.rank !== RANK.top; start -= 1) {
      const before = units[start - 1]!;
      left -= before.tokens + before.gapTokens;
      if (left < 0 || before.block.headings !== units[from]!.block.headings || before.block.header !== null) break;
    }
    return start;
  }

  /** An id is the same wherever the content is: offsets, positions and pages are no part of it. [DC17] */
  #identified(content: Pick<Chunk, 'context' | 'text'>): Pick<Chunk, 'id' | 'contentHash'> {
    const contentHash = shortSha256(embeddedText(content));
    const occurrence = this.#occurrences.get(contentHash) ?? 0;
    this.#occurrences.set(contentHash, occurrence + 1);
    return { id: shortSha256(`${contentHash} ${occurrence} ${this.#document.id}`).slice(0, 32), contentHash };
  }
}

const tokensOf = (units: readonly Unit[]): number =>
  units.reduce((sum, { tokens, gapTokens }) => sum + tokens + gapTokens, 0) - (units.at(-1)?.gapTokens ?? 0);
