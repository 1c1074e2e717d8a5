import type { SourceFormat } from '../../../src/documents/blocks/block-reader.ts';
import { DEFAULT_CHUNK_SETTINGS } from '../../../src/documents/chunks/chunk.ts';
import type { TokenCounter } from '../../../src/documents/chunks/chunk.ts';
import { DocumentChunker } from '../../../src/documents/chunks/document-chunker.ts';
import { table } from '../../../workers/cli/command/command.ts';
import { inSlices } from '../../support/documents/read.ts';

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

/** Slices as they come from a network. */
const SLICE_UNITS = 65_536;

/** How much time of the processor each step takes from the source to chunks, in a second pass, with the tokens of the default model. */
export function reportReadingTimes(corpora: ReadonlyMap<string, string>, count: TokenCounter): void {
  const usual = [...corpora].map(([name, text]): readonly [string, readonly [string, SourceFormat]] => [
    name,
    [text, { kind: 'markdown' }],
  ]);
  const rows = [...usual, ...Object.entries(HOSTILE)].map(([name, [source, format]]) => {
    timesOf(source, format, count);
    const { times, what } = timesOf(source, format, count);
    const sum = times.reduce((all, time) => all + time, 0);
    const longest = times.reduce((most, time) => Math.max(most, time), 0);
    return [name, String(source.length), what, sum.toFixed(0), (source.length / sum / 1_000).toFixed(1), longest.toFixed(1)];
  });
  console.log(`\n${table(['', 'units', 'chunks', 'ms', 'million units a second', 'longest step, ms'], rows)}`);
}

function timesOf(source: string, format: SourceFormat, count: TokenCounter) {
  const times: number[] = [];
  const chunker = new DocumentChunker({ id: 'timed', format }, DEFAULT_CHUNK_SETTINGS, count);
  const chunks = inSlices(chunker, source, {
    chars: SLICE_UNITS,
    stepping: (step) => {
      const before = process.threadCpuUsage();
      const made = step();
      const { user, system } = process.threadCpuUsage(before);
      times.push((user + system) / 1_000);
      return made;
    },
  });
  return { times, what: chunks.ok ? String(chunks.value.length) : chunks.error.code };
}
