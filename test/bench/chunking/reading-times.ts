import type { SourceFormat } from '../../../src/documents/blocks/read-document.ts';
import { readDocument } from '../../../src/documents/blocks/read-document.ts';
import { DEFAULT_CHUNK_SETTINGS } from '../../../src/documents/chunks/chunk.ts';
import { chunkDocument } from '../../../src/documents/chunks/chunk-document.ts';
import { assert } from '../../../src/kernel/assert.ts';
import { table } from '../../../workers/cli/command/command.ts';
import { countTokens } from './token-places.ts';

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

/** How long each step of reading and of cutting takes, in a second pass. */
export function reportReadingTimes(corpora: ReadonlyMap<string, string>): void {
  const usual = [...corpora].map(([name, text]): readonly [string, readonly [string, SourceFormat]] => [
    name,
    [text, { kind: 'markdown' }],
  ]);
  const rows = [...usual, ...Object.entries(HOSTILE)].map(([name, [source, format]]) => {
    timesOf(source, format);
    const { reading, cutting, chunks } = timesOf(source, format);
    return [name, String(source.length), String(chunks), ...[reading, cutting].flatMap((times) => [sumOf(times), maxOf(times)])];
  });
  console.log(`\n${table(['', 'units', 'chunks', 'reading, ms', 'longest step', 'cutting, ms', 'longest step'], rows)}`);
}

function timesOf(source: string, format: SourceFormat) {
  const reading: number[] = [];
  const cutting: number[] = [];
  const document = timed(readDocument(source, format), reading);
  assert(document.ok, 'the text is read');
  const chunks = timed(chunkDocument({ ...document.value, id: 'timed' }, DEFAULT_CHUNK_SETTINGS, countTokens), cutting);
  return { reading, cutting, chunks: chunks.ok ? chunks.value.length : 0 };
}

function timed<T>(steps: Generator<undefined, T>, times: number[]): T {
  for (;;) {
    const before = performance.now();
    const step = steps.next();
    times.push(performance.now() - before);
    if (step.done === true) return step.value;
  }
}

const sumOf = (times: readonly number[]): string => times.reduce((sum, time) => sum + time, 0).toFixed(0);
const maxOf = (times: readonly number[]): string => times.reduce((most, time) => Math.max(most, time), 0).toFixed(1);
