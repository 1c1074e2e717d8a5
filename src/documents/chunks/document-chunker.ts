import type { Outcome } from '../../contract/api/outcome.ts';
import { DOCUMENT_LIMITS } from '../../contract/documents/document-limits.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { assert } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import type { Block } from '../blocks/block.ts';
import type { SourceFormat } from '../blocks/block-reader.ts';
import { BlockReader } from '../blocks/block-reader.ts';
import type { Chunk, ChunkSettings, TokenCounter } from './chunk.ts';
import { ChunkCutter } from './chunk-cutter.ts';
import { divide } from './division.ts';
import { Stretches } from './stretches.ts';
import type { Unit } from './units.ts';
import { Units } from './units.ts';

/** Which document it is, and what its source is written in. */
export interface DocumentSource {
  /** By which the ids of its chunks are made. */
  readonly id: string;
  readonly format: SourceFormat;
}

/** Of a unit: what stretches and chunks do with it takes as long as counting so many characters. */
const UNIT_CHARS = 64;

/**
 * Cuts a document that comes in slices into chunks of at most `chunkTokensMax` tokens with their context. Chunks come as soon as nothing behind them can change
 * them, and depend on the source alone, not on its slices; of the source it keeps a few chunks. Together chunks have every block; headings, blocks and
 * sentences are divided as rarely as that allows. `push` and `end` yield after some `blockCharsMax` units of work, so that others have their turn
 * (`SteppedWork.run`). Refuses what `BlockReader` does, and too many chunks; then nothing may be pushed any more. [DC10] [DC16]
 */
export class DocumentChunker {
  readonly #settings: ChunkSettings;
  readonly #reader: BlockReader;
  readonly #units: Units;
  readonly #stretches: Stretches;
  readonly #cutter: ChunkCutter;
  readonly #steps = new WorkSteps();

  constructor({ id, format }: DocumentSource, settings: ChunkSettings, count: TokenCounter) {
    const { chunkTokensMin, chunkTokensMax } = DOCUMENT_LIMITS;
    assert(
      settings.chunkTokensMax >= chunkTokensMin && settings.chunkTokensMax <= chunkTokensMax,
      'the limit of a chunk is within the limits',
    );
    assert(
      settings.overlapTokens >= 0 && settings.overlapTokens <= settings.chunkTokensMax / 4,
      'a quarter of a chunk at most is part of another',
    );
    this.#settings = settings;
    this.#reader = new BlockReader(format);
    this.#units = new Units(this.#reader.text, settings, count);
    this.#stretches = new Stretches(settings.chunkTokensMax);
    this.#cutter = new ChunkCutter(id, this.#reader.text, settings.overlapTokens);
  }

  /** The chunks that are certain with the next slice of the source. */
  *push(slice: string): Generator<undefined, Outcome<Chunk[]>> {
    return yield* this.#chunksWith(yield* this.#reader.push(slice), false);
  }

  /** The chunks that are left when the source has ended. */
  *end(): Generator<undefined, Outcome<Chunk[]>> {
    return yield* this.#chunksWith(yield* this.#reader.end(), true);
  }

  *#chunksWith(blocks: Outcome<Block[]>, isEnd: boolean): Generator<undefined, Outcome<Chunk[]>> {
    if (!blocks.ok) return blocks;
    const chunks: Chunk[] = [];
    for (const block of blocks.value) {
      for (const unit of this.#units.add(block)) yield* this.#divide(this.#stretches.add(unit), chunks);
      yield* this.#steps.spend(block.end - block.begin + UNIT_CHARS);
    }
    const { text } = this.#reader;
    if (isEnd || this.#units.isApart(text.passed)) {
      for (const unit of this.#units.end()) yield* this.#divide(this.#stretches.add(unit), chunks);
      yield* this.#divide(this.#stretches.end(), chunks);
      this.#cutter.forget();
    }
    text.release(this.#cutter.begin ?? this.#stretches.begin ?? this.#units.begin ?? text.passed);
    return this.#cutter.count > DOCUMENT_LIMITS.chunksMaxCount ? refuseChunks() : ok(chunks);
  }

  *#divide(stretches: readonly (readonly Unit[])[], chunks: Chunk[]): Generator<undefined, void> {
    const { chunkTokensMax, overlapTokens } = this.#settings;
    for (const stretch of stretches) {
      yield* this.#steps.spend(stretch.length * UNIT_CHARS);
      for (const units of divide(stretch, ({ context }) => chunkTokensMax - overlapTokens - context.tokens)) {
        const chunk = this.#cutter.cut(units);
        if (chunk !== undefined) chunks.push(chunk);
        yield* this.#steps.spend(units.at(-1)!.end - units[0]!.begin);
      }
    }
  }
}

/** Cuts work into steps: it yields after so much of it as counting `blockCharsMax` characters takes, so that others have their turn. */
class WorkSteps {
  #chars = 0;

  /** Work that was done, as characters that are counted in the same time. */
  *spend(chars: number): Generator<undefined, void> {
    this.#chars += chars;
    if (this.#chars < DOCUMENT_LIMITS.blockCharsMax) return;
    this.#chars = 0;
    yield;
  }
}

const refuseChunks = () =>
  refuseBeyond({
    limit: 'chunksMaxCount',
    what: 'the document has more chunks',
    advice: 'give it larger chunks, or divide it into several documents',
  });
