import type { Outcome } from '../../contract/api/outcome.ts';
import { DOCUMENT_LIMITS } from '../../contract/documents/document-limits.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { ok } from '../../kernel/result.ts';
import type { Block, ReadDocument } from './block.ts';
import { readCsv } from './csv-records.ts';
import { readJsonLines } from './json-lines.ts';
import { readMarkdown } from './markdown/read-markdown.ts';
import { readPages } from './pages.ts';
import { readPlainText } from './plain-text.ts';

/** What a source is written in. */
export type SourceFormat =
  | { readonly kind: 'text' }
  | { readonly kind: 'markdown' }
  /** The first record names the columns. Without a delimiter it is that of the header. */
  | { readonly kind: 'csv'; readonly delimiter?: string }
  /** One object a line; these of its fields, which have to be strings, are its text, in this order. */
  | { readonly kind: 'jsonl'; readonly fields: readonly string[] };

/** Adds blocks step by step, and gives the text that they count in. */
type Reading = Generator<undefined, Outcome<string>>;

/**
 * Divides a source into blocks. It yields after every `blockCharsMax` units at the latest, so that others have their turn (`SteppedWork`); a block that is
 * longer is divided at the end of a line, or else of a word. Refuses a source or a record beyond its limit, and records that are not well formed, by the
 * line. The text is the source itself, except of JSON lines: there it is the chosen fields, with a blank line between any two. [DC1] [DC2]
 */
export function* readDocument(source: string, format: SourceFormat): Generator<undefined, Outcome<ReadDocument>> {
  const { documentCharsMax, blocksMaxCount } = DOCUMENT_LIMITS;
  if (source.length > documentCharsMax)
    return refuseBeyond({
      limit: 'documentCharsMax',
      value: source.length,
      what: `the document has ${source.length} characters`,
      advice: 'divide it into several documents',
    });
  const blocks: Block[] = [];
  const reading = readingOf(source, format, blocks);
  for (let step = reading.next(); ; step = reading.next()) {
    if (blocks.length > blocksMaxCount)
      return refuseBeyond({ limit: 'blocksMaxCount', what: 'the document has more blocks', advice: 'divide it into several documents' });
    if (step.done === true) return step.value.ok ? ok({ text: step.value.value, blocks }) : step.value;
    yield;
  }
}

function readingOf(source: string, format: SourceFormat, blocks: Block[]): Reading {
  switch (format.kind) {
    case 'text':
      return readPages(source, blocks, readPlainText);
    case 'markdown':
      return readPages(source, blocks, readMarkdown);
    case 'csv':
      return readCsv(source, format.delimiter, blocks);
    case 'jsonl':
      return readJsonLines(source, format.fields, blocks);
  }
}
