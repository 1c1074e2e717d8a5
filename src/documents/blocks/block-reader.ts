import type { Outcome } from '../../contract/api/outcome.ts';
import { DOCUMENT_LIMITS } from '../../contract/documents/document-limits.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { assert } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import type { Block } from './block.ts';
import { readCsv } from './csv-records.ts';
import { readJsonLines } from './json-lines.ts';
import { markdownReader } from './markdown/read-markdown.ts';
import type { ReadPiece } from './pages.ts';
import { readPages } from './pages.ts';
import { readPlainText } from './plain-text.ts';
import type { Paused } from './text-window.ts';
import { TextWindow } from './text-window.ts';

/** What a source is written in. */
export type SourceFormat =
  | { readonly kind: 'text' }
  | { readonly kind: 'markdown' }
  /** The first record names the columns. A delimiter is one character, neither a quote nor a line end; without one it is that of the header. */
  | { readonly kind: 'csv'; readonly delimiter?: string }
  /** One object a line; these of its fields, which have to be strings, are its text, in this order. */
  | { readonly kind: 'jsonl'; readonly fields: readonly string[] };

/**
 * Takes blocks out of a source that comes in slices. Which blocks it takes depends on the source alone, not on its slices. The text that their offsets count in is
 * the source itself, except of JSON lines: there it is the chosen fields, with a blank line between any two. It yields after some `blockCharsMax` units, so
 * that others have their turn. Refuses a source or a record beyond its limit, and records that are not well formed, by the line; then nothing
 * may be pushed any more. [DC1] [DC2]
 */
export class BlockReader {
  /** What blocks are stretches of. */
  readonly text: TextWindow;
  readonly #source = new TextWindow();
  readonly #blocks: Block[] = [];
  readonly #reading: Paused<Outcome<undefined>>;

  constructor(format: SourceFormat) {
    if (format.kind === 'jsonl')
      assert(
        format.fields.length >= 1 && format.fields.length <= DOCUMENT_LIMITS.recordFieldsMaxCount,
        'the number of fields is within the limit',
      );
    this.text = format.kind === 'jsonl' ? new TextWindow() : this.#source;
    this.#reading = this.#readingOf(format);
  }

  /** Blocks that are whole with the next slice of the source. */
  *push(slice: string): Generator<undefined, Outcome<Block[]>> {
    const { documentCharsMax } = DOCUMENT_LIMITS;
    if (this.#source.end + slice.length > documentCharsMax)
      return refuseBeyond({
        limit: 'documentCharsMax',
        what: 'the document has more characters',
        advice: 'divide it into several documents',
      });
    this.#source.append(slice);
    return yield* this.#read();
  }

  /** The blocks that are left when the source has ended. */
  *end(): Generator<undefined, Outcome<Block[]>> {
    this.#source.finish();
    return yield* this.#read();
  }

  *#read(): Generator<undefined, Outcome<Block[]>> {
    for (let step = this.#reading.next(); ; step = this.#reading.next()) {
      if (step.done === true && !step.value.ok) return step.value;
      if (step.done === true || step.value === 'source') return ok(this.#blocks.splice(0));
      yield;
    }
  }

  #readingOf(format: SourceFormat): Paused<Outcome<undefined>> {
    switch (format.kind) {
      case 'text':
        return this.#readPages(readPlainText);
      case 'markdown':
        return this.#readPages(markdownReader());
      case 'csv':
        return readCsv(this.#source, format.delimiter, this.#blocks);
      case 'jsonl':
        return readJsonLines(this.#source, this.text, format.fields, this.#blocks);
    }
  }

  *#readPages(readPiece: ReadPiece): Paused<Outcome<undefined>> {
    yield* readPages(this.#source, this.#blocks, readPiece);
    return ok(undefined);
  }
}
