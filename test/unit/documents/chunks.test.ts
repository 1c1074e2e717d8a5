import { describe, expect, it } from 'vitest';

import { DOCUMENT_LIMITS } from '../../../src/contract/documents/document-limits.ts';
import { changedChunks } from '../../../src/documents/chunks/changed-chunks.ts';
import type { Chunk, TokenCounter } from '../../../src/documents/chunks/chunk.ts';
import { DEFAULT_CHUNK_SETTINGS, embeddedText } from '../../../src/documents/chunks/chunk.ts';
import { DocumentChunker } from '../../../src/documents/chunks/document-chunker.ts';
import { assert } from '../../../src/kernel/assert.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { chunked, countWords, inSlices, slicesOf } from '../../support/documents/read.ts';

const TEXT = { kind: 'text' } as const;
/** Sentences begin with capitals: a full stop before a small letter ends none. */
const sentence = (words: number, name = 'Word'): string => `${Array.from({ length: words }, () => name).join(' ')}.`;

/** The chunks that are certain with a slice. */
function pushedTo(chunker: DocumentChunker, slice: string): Chunk[] {
  for (const steps = chunker.push(slice); ;) {
    const step = steps.next();
    if (step.done !== true) continue;
    assert(step.value.ok, 'the slice is taken');
    return step.value.value;
  }
}

/** Paragraphs of random words: each is different. */
function prose(paragraphs: number, seed: number): string[] {
  const rng = new Seeded(seed);
  const below = (count: number): number => Math.floor(rng.next() * count);
  return Array.from({ length: paragraphs }, () =>
    Array.from({ length: 1 + below(6) }, () => `${Array.from({ length: 4 + below(16) }, () => `W${below(5_000)}`).join(' ')}.`).join(' '),
  );
}

describe('division', () => {
  it('ends chunks where the text does, though fewer would be fuller [DC12]', () => {
    const paragraphs = [30, 20, 25, 30].map((words, at) => sentence(words, `P${at}`));
    const chunks = chunked(paragraphs.join('\n\n'), { settings: { chunkTokensMax: 64 } });
    expect(chunks.map(({ text }) => text)).toEqual([`${paragraphs[0]}\n\n${paragraphs[1]}`, `${paragraphs[2]}\n\n${paragraphs[3]}`]);
  });

  it('divides a paragraph between sentences, and a sentence between words only if it must [DC12]', () => {
    const long = `${sentence(20, 'A')} ${sentence(25, 'B')} ${sentence(70, 'C')}`;
    const chunks = chunked(long, { settings: { chunkTokensMax: 32 } });
    expect(chunks.map(({ text }) => text.split(' ').length)).toEqual([20, 25, 24, 23, 23]);
    expect(chunks.every(({ tokens }) => tokens <= 32)).toBe(true);
  });

  it('has a heading with what is below it, and short sections as one chunk [DC12]', () => {
    const source = `# Title\n\n${sentence(50)}\n\n## Next\n\n${sentence(50)}\n\n## Short\n\none\n\n## Shorter\n\ntwo\n`;
    expect(chunked(source, { settings: { chunkTokensMax: 64, hasContext: false } }).map(({ text }) => text.split('\n')[0])).toEqual([
      '# Title',
      '## Next',
      '## Short',
    ]);
  });

  it('begins a chunk at every heading without others above it [DC12]', () => {
    expect(chunked('# A\n\none\n\n# B\n\ntwo\n').map(({ text }) => text)).toEqual(['# A\n\none', '# B\n\ntwo']);
  });

  it('divides code by lines and tables by rows, each part under the header [DC12] [DC14]', () => {
    const code = Array.from({ length: 40 }, (_, at) => `call(${at})`);
    const parts = chunked(`\`\`\`\n${code.join('\n')}\n\`\`\`\n`, { settings: { chunkTokensMax: 32 } });
    expect(parts.every(({ text }) => text.split('\n').every((line) => line === '```' || /^call\(\d+\)$/.test(line)))).toBe(true);
    const rows = Array.from({ length: 40 }, (_, at) => `| ${at} | row |`);
    const table = chunked(`| n | what |\n|---|---|\n${rows.join('\n')}\n`, { settings: { chunkTokensMax: 64 } });
    expect(table.map(({ context }) => context)).toEqual(['', ...table.slice(1).map(() => '| n | what |\n|---|---|\n')]);
    expect(table[0]?.text).toContain('|---|---|\n| 0 | row |');
  });
});

describe('sentences', () => {
  it('of scripts without spaces are divided where they end, and words where they begin [DC20] [DC21]', () => {
    const count: TokenCounter = (text) => text.match(/\S/gu)?.length ?? 0;
    const chinese = chunked('第一句话很短。第二句话也很短。第三句话同样短。第四句话还是短。', { settings: { chunkTokensMax: 16 }, count });
    expect(chinese.map(({ text }) => text)).toEqual(['第一句话很短。第二句话也很短。', '第三句话同样短。第四句话还是短。']);
    const thai = 'ภาษาไทยเป็นภาษาที่มีระดับเสียงของคำแน่นอน';
    const words = new Set(Array.from(new Intl.Segmenter('th', { granularity: 'word' }).segment(thai), ({ index }) => index));
    const cuts = chunked(thai, { settings: { chunkTokensMax: 16 }, count }).map(({ begin }) => begin);
    expect(cuts.length).toBeGreaterThan(2);
    expect(cuts.every((cut) => words.has(cut))).toBe(true);
  });

  it('go over lines that were broken to fit a page, and not over others [DC20]', () => {
    const broken = `${sentence(10, 'A').slice(0, -1)}\n${sentence(10, 'B')} ${sentence(20, 'C')}`;
    expect(chunked(broken, { settings: { chunkTokensMax: 24 } }).map(({ text }) => text.at(-1))).toEqual(['.', '.']);
    const lines = [sentence(30, 'alpha').slice(0, -1), sentence(30, 'betas').slice(0, -1)].join('\n');
    expect(chunked(lines, { settings: { chunkTokensMax: 32 } }).map(({ text }) => text)).toEqual(lines.split('\n'));
  });

  it('never end within a character [DC21]', () => {
    const chunks = chunked('😀'.repeat(500), { settings: { chunkTokensMax: 16 } });
    expect(chunks.length).toBeGreaterThan(10);
    expect(chunks.every(({ text }) => text.isWellFormed())).toBe(true);
  });
});

describe('context', () => {
  it('is the titles above and not those within, the outermost left out first [DC14]', () => {
    const source = `# Outer title\n\n## Inner title\n\n${sentence(30)}\n\n${sentence(40)}\n`;
    const [first, second] = chunked(source, { settings: { chunkTokensMax: 48 } });
    expect([first?.context, second?.context]).toEqual(['', 'Outer title\nInner title\n']);
    expect(second?.headings).toEqual(['Outer title', 'Inner title']);
    const [, narrow] = chunked(source, { settings: { chunkTokensMax: 16 } });
    expect(narrow?.context).toBe('Outer title\nInner title\n');
    const long = chunked(source.replace('Outer', 'A much longer outer'), { settings: { chunkTokensMax: 16 } }).at(-1);
    expect(long).toMatchObject({ context: 'Inner title\n', headings: ['A much longer outer title', 'Inner title'] });
    expect(chunked(source, { settings: { chunkTokensMax: 48, hasContext: false } }).map(({ context }) => context)).toEqual(['', '']);
  });

  it('has its share of the limit [DC10] [DC14]', () => {
    const source = `# Title of some words\n\n${Array.from({ length: 60 }, (_, at) => sentence(3 + (at % 4), `S${at}`)).join(' ')}`;
    const chunks = chunked(source, { settings: { chunkTokensMax: 32 } });
    expect(chunks.length).toBeGreaterThan(8);
    for (const chunk of chunks) expect(countWords(embeddedText(chunk))).toBeLessThanOrEqual(32);
  });

  it('of records is the names of their columns, if they fit [DC14]', () => {
    const rows = Array.from({ length: 60 }, (_, at) => `${at},value`).join('\n');
    expect(new Set(chunked(`id,name\n${rows}`, { format: { kind: 'csv' } }).map(({ context }) => context))).toEqual(new Set(['id,name\n']));
    const wide = Array.from({ length: 40 }, (_, at) => `c${at}`).join(',');
    expect(chunked(`${wide}\n${rows.replaceAll(/,.*/g, wide.replaceAll(/[^,]/g, ''))}`, { format: { kind: 'csv' } })[0]?.context).toBe('');
  });
});

describe('overlap', () => {
  it('is whole sentences of the chunk before, within the section and outside of tables [DC15]', () => {
    const sentences = Array.from({ length: 12 }, (_, at) => sentence(9, `S${at}`));
    const chunks = chunked(sentences.join(' '), { settings: { chunkTokensMax: 40, overlapTokens: 10 } });
    for (const [at, { text, tokens }] of chunks.entries()) {
      expect(tokens).toBeLessThanOrEqual(40);
      if (at > 0) expect(chunks[at - 1]?.text.endsWith(text.slice(0, text.indexOf('.') + 1))).toBe(true);
    }
    expect(chunks.length).toBe(4);
    const sections = `# T\n\n${sentences.slice(0, 4).join(' ')}\n\n## One\n\n${sentences.slice(4, 8).join(' ')}`;
    expect(chunked(sections, { settings: { chunkTokensMax: 64, overlapTokens: 12 } }).map(({ text }) => text.slice(0, 3))).toEqual([
      '# T',
      '## ',
    ]);
    const records = `a\n${sentences.join('\n')}`;
    const rows = chunked(records, { format: { kind: 'csv' }, settings: { chunkTokensMax: 40, overlapTokens: 10 } });
    expect(rows.every(({ begin }, at) => at === 0 || begin > rows[at - 1]!.end)).toBe(true);
  });
});

describe('sections', () => {
  it('are the innermost with all of a chunk, by their heading; 0 above all headings [DC18]', () => {
    const source = `Above.\n\n# A\n\n## B\n\n${sentence(60)}\n\n## C\n\none\n\n## D\n\ntwo\n`;
    const chunks = chunked(source, { settings: { chunkTokensMax: 72 } });
    expect(chunks.map(({ text, section }) => [text.slice(0, 4), source.slice(section, section + 4)])).toEqual([
      ['Abov', 'Abov'],
      ['# A\n', '# A\n'],
      ['## C', '# A\n'],
    ]);
  });
});

describe('ids', () => {
  it('are the same wherever the same content is the same occurrence, and differ by document [DC17]', () => {
    const source = `# A\n\nsame\n\n# B\n\nother\n\n# A\n\nsame\n`;
    const [first, , again] = chunked(source);
    expect(again?.contentHash).toBe(first?.contentHash);
    expect(again?.id).not.toBe(first?.id);
    const moved = chunked(`# New\n\nbefore\n\n${source}`);
    expect(moved.slice(1).map(({ id }) => id)).toEqual(chunked(source).map(({ id }) => id));
    const other = chunked(source, { id: 'another' });
    expect(other[0]?.contentHash).toBe(first?.contentHash);
    expect(other.some(({ id }) => id === first?.id)).toBe(false);
    expect(first?.id).toMatch(/^[0-9a-f]{32}$/);
  });

  it('change with what stands before the text [DC17]', () => {
    const under = (title: string) => chunked(`# ${title}\n\n${sentence(100)}\n\n${sentence(100)}\n`).at(-1);
    expect(under('A')?.text).toBe(under('B')?.text);
    expect(under('A')?.contentHash).not.toBe(under('B')?.contentHash);
  });
});

describe('versions', () => {
  it('differ in what was added and removed; all else is kept [DC19]', () => {
    const old = chunked('# A\n\none\n\n# B\n\ntwo\n\n# C\n\nthree\n');
    const now = chunked('# C\n\nthree\n\n# A\n\none\n\n# B\n\nchanged\n');
    const { added, kept, removed } = changedChunks(
      old.map(({ id }) => id),
      now,
    );
    expect(added.map(({ text }) => text)).toEqual(['# B\n\nchanged']);
    expect(kept.map(({ text }) => text)).toEqual(['# C\n\nthree', '# A\n\none']);
    expect(removed).toEqual([old[1]?.id]);
  });

  it('of a long text differ near an edit alone [DC13]', () => {
    const paragraphs = prose(600, 5);
    const old = chunked(paragraphs.join('\n\n'), { format: TEXT });
    for (const at of [0, 299, 599]) {
      const edited = paragraphs.toSpliced(at, 1, 'Something else is said here.').join('\n\n');
      const { added } = changedChunks(
        old.map(({ id }) => id),
        chunked(edited, { format: TEXT }),
      );
      expect(added.length).toBeGreaterThan(0);
      expect(added.length).toBeLessThanOrEqual(12);
    }
    expect(old.length).toBeGreaterThan(150);
  });

  it('are as local where all places are alike [DC13]', () => {
    const rows = Array.from({ length: 5_000 }, () => 'the same row').join('\n');
    const old = chunked(rows, { format: { kind: 'csv' } });
    const now = chunked(`${rows.slice(0, 30_000)} but once\n${rows.slice(30_001)}`, { format: { kind: 'csv' } });
    const { added } = changedChunks(
      old.map(({ id }) => id),
      now,
    );
    expect(added.length).toBeLessThanOrEqual(DOCUMENT_LIMITS.stretchChunksMaxCount);
  });
});

describe('work', () => {
  it('is bounded in tokens counted, and yields between steps [DC11] [DC2]', () => {
    for (const source of ['word '.repeat(60_000), 'x'.repeat(200_000), '. '.repeat(100_000), 'a\n\n'.repeat(40_000)]) {
      let counted = 0;
      let inStep = 0;
      let inStepMax = 0;
      const count: TokenCounter = (text) => {
        counted += text.length;
        inStep += text.length;
        return countWords(text);
      };
      const chunker = new DocumentChunker({ id: 'd', format: TEXT }, DEFAULT_CHUNK_SETTINGS, count);
      const made = inSlices(chunker, source, {
        stepping: (step) => {
          inStep = 0;
          const next = step();
          inStepMax = Math.max(inStepMax, inStep);
          return next;
        },
      });
      expect(made.ok).toBe(true);
      expect(counted).toBeLessThan(4 * source.length);
      expect(inStepMax).toBeLessThan(6 * DOCUMENT_LIMITS.blockCharsMax);
    }
  });

  it('needs little memory: chunks come while a document does, whatever it is [DC10] [DC13]', () => {
    const slices = [`${prose(200, 9).join('\n\n')}\n\n`, 'The same words again.\n\n'.repeat(3_000), 'x'.repeat(60_000)];
    for (const slice of slices) {
      const chunker = new DocumentChunker({ id: 'd', format: TEXT }, DEFAULT_CHUNK_SETTINGS, countWords);
      let certain = 0;
      for (let pushed = slice.length; pushed < 20 * slice.length; pushed += slice.length) {
        for (const chunk of pushedTo(chunker, slice)) certain = chunk.end;
        expect(pushed - certain).toBeLessThan(150_000);
      }
    }
  });

  it('waits for nothing behind a long gap [DC12]', () => {
    const chunker = new DocumentChunker({ id: 'd', format: TEXT }, DEFAULT_CHUNK_SETTINGS, countWords);
    const gap = '\n'.repeat(2 * DOCUMENT_LIMITS.blockCharsMax);
    expect(pushedTo(chunker, `Before.${gap}`).map(({ text }) => text)).toEqual(['Before.']);
    expect(pushedTo(chunker, `Behind.${gap}`).map(({ text }) => text)).toEqual(['Behind.']);
  });

  it('refuses too many chunks by name [DC16]', () => {
    const { chunksMaxCount } = DOCUMENT_LIMITS;
    const source = '# a\n'.repeat(chunksMaxCount / 8);
    const chunker = new DocumentChunker(
      { id: 'd', format: { kind: 'markdown' } },
      { ...DEFAULT_CHUNK_SETTINGS, hasContext: false },
      countWords,
    );
    let refused: unknown;
    for (let pushed = 0; pushed <= 8 && refused === undefined; pushed += 1) {
      for (const made of slicesOf({ push: (text: string) => chunker.push(text), end: () => chunker.push('') }, source))
        if (!made.ok) refused ??= made.error;
    }
    expect(refused).toMatchObject({ code: 'limit_exceeded', limit: { name: 'chunksMaxCount' } });
  }, 60_000);

  it('has chunks of bounded length though their tokens are none [DC10]', () => {
    const chunks = chunked('>'.repeat(50_000), { format: TEXT, count: () => 0 });
    expect(Math.max(...chunks.map(({ text }) => text.length))).toBeLessThanOrEqual(DEFAULT_CHUNK_SETTINGS.chunkTokensMax * 16);
    expect(chunks.map((chunk) => embeddedText(chunk)).join('')).toBe('>'.repeat(50_000));
  });
});
