import { DOCUMENT_LIMITS } from '../../../src/contract/documents/document-limits.ts';
import type { SourceFormat } from '../../../src/documents/blocks/block-reader.ts';
import { DEFAULT_CHUNK_SETTINGS } from '../../../src/documents/chunks/chunk.ts';
import type { TokenCounter } from '../../../src/documents/chunks/chunk.ts';
import { DocumentChunker } from '../../../src/documents/chunks/document-chunker.ts';
import { assert } from '../../../src/kernel/assert.ts';
import { table } from '../../../workers/cli/command/command.ts';
import type { Stepping } from '../../support/documents/read.ts';
import { slicesOf } from '../../support/documents/read.ts';

const UNITS = 1_000_000;
const filled = (part: string): string => part.repeat(Math.ceil(UNITS / part.length));

/** Texts that were made to take long. */
const HOSTILE: Readonly<Record<string, readonly [source: string, format: SourceFormat]>> = {
  'nested quotes': [filled('> '), { kind: 'markdown' }],
  'nested lists': [filled('1. '), { kind: 'markdown' }],
  'deep lines': [filled(`${'> '.repeat(16)}\n`), { kind: 'markdown' }],
  'open links': [filled('[a]('), { kind: 'markdown' }],
  'empty items': [filled('-\n'), { kind: 'markdown' }],
  'a table': [filled('|a|b\n|-|-\n'), { kind: 'markdown' }],
  'one line': [filled('word '), { kind: 'text' }],
  'one word': [filled('x'), { kind: 'markdown' }],
  'blank lines': [filled('a\n\n'), { kind: 'text' }],
  'short records': [filled('a\n'), { kind: 'csv' }],
  quotes: [`"${filled('""').slice(0, 200_000)}"\n`.repeat(4), { kind: 'csv' }],
  'JSON lines': [filled('{"t":"a"}\n'), { kind: 'jsonl', fields: ['t'] }],
};

/** Of what is longer no second pass is needed. */
const WARM_UNITS_MAX = 2 * UNITS;

/**
 * How much time of the processor each step takes from the source to chunks, in a second pass, with the tokens of the default model: of usual texts, of hostile
 * ones, and of a document as long as they may be.
 */
export function reportReadingTimes(corpora: ReadonlyMap<string, string>, count: TokenCounter): void {
  const all = [...corpora.values()].join('\n\n');
  const longest = all.repeat(Math.ceil(DOCUMENT_LIMITS.documentCharsMax / all.length)).slice(0, DOCUMENT_LIMITS.documentCharsMax);
  const usual = [...corpora, ['all, again and again', longest] as const].map(
    ([name, text]) => [name, [text, { kind: 'markdown' }]] as const,
  );
  const rows = [...usual, ...Object.entries(HOSTILE)].map(([name, [source, format]]) => {
    if (source.length <= WARM_UNITS_MAX) timesOf(source, format, count);
    const { ms, longestMs, chunks } = timesOf(source, format, count);
    return [name, String(source.length), String(chunks), ms.toFixed(0), (source.length / ms / 1_000).toFixed(1), longestMs.toFixed(1)];
  });
  console.log(`\n${table(['', 'units', 'chunks', 'ms', 'million units a second', 'longest step, ms'], rows)}`);
}

function timesOf(source: string, format: SourceFormat, count: TokenCounter) {
  let [ms, longestMs, chunks] = [0, 0, 0];
  const stepping: Stepping = (step) => {
    const before = process.threadCpuUsage();
    const made = step();
    const { user, system } = process.threadCpuUsage(before);
    ms += (user + system) / 1_000;
    longestMs = Math.max(longestMs, (user + system) / 1_000);
    return made;
  };
  const chunker = new DocumentChunker({ id: 'timed', format }, DEFAULT_CHUNK_SETTINGS, count);
  for (const made of slicesOf(chunker, source, { stepping })) {
    assert(made.ok, 'the text is taken');
    chunks += made.value.length;
  }
  return { ms, longestMs, chunks };
}
