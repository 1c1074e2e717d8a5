import { describe, expect, it } from 'vitest';

import { DOCUMENT_LIMITS } from '../../../src/contract/documents/document-limits.ts';
import { blocksOf } from '../../support/documents/read.ts';

const { blockCharsMax, headingCharsMax, markdownMarksMaxCount } = DOCUMENT_LIMITS;

const shown = (source: string): string[][] =>
  blocksOf(source).map(({ kind, begin, end, headings }) => [
    kind,
    source.slice(begin, end),
    headings.map(({ title }) => title).join(' > '),
  ]);

describe('blocks of Markdown', () => {
  it('are headings, paragraphs, items, quotes, code and tables, each under its headings [DC9]', () => {
    const source = [
      '# Title #',
      '',
      'Intro *with* `marks`.',
      '',
      'Part one',
      '--------',
      '',
      '- first',
      '  on',
      '- second',
      '  1. inner',
      '',
      '> quoted',
      '> twice',
      '',
      '### Deep',
      '```js',
      '# no heading',
      '```',
      '',
      '| a | b |',
      '|---|---|',
      '| 1 | 2 |',
      '',
      '## Part two',
      '    indented',
    ].join('\n');
    expect(shown(source)).toEqual([
      ['heading', '# Title #', 'Title'],
      ['paragraph', 'Intro *with* `marks`.', 'Title'],
      ['heading', 'Part one\n--------', 'Title > Part one'],
      ['list_item', '- first\n  on', 'Title > Part one'],
      ['list_item', '- second', 'Title > Part one'],
      ['list_item', '1. inner', 'Title > Part one'],
      ['quote', '> quoted\n> twice', 'Title > Part one'],
      ['heading', '### Deep', 'Title > Part one > Deep'],
      ['code', '```js\n# no heading\n```', 'Title > Part one > Deep'],
      ['table', '| a | b |\n|---|---|\n| 1 | 2 |', 'Title > Part one > Deep'],
      ['heading', '## Part two', 'Title > Part two'],
      ['code', 'indented', 'Title > Part two'],
    ]);
  });

  it('are the same with line ends of Windows and a byte order mark [DC9]', () => {
    const source = '\uFEFF# Title\r\n\r\nOne.\r\nStill.\r\n\r\n| a |\r\n|---|\r\n| 1 |\r\n';
    expect(shown(source)).toEqual([
      ['heading', '# Title', 'Title'],
      ['paragraph', 'One.\r\nStill.', 'Title'],
      ['table', '| a |\r\n|---|\r\n| 1 |', 'Title'],
    ]);
  });

  it('have the header rows of their table [DC9]', () => {
    const source = 'Before.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n';
    expect(blocksOf(source).map(({ header }) => header?.text ?? null)).toEqual([null, '| a | b |\n|---|---|']);
  });

  it('keep the path of headings over pages, and cut long titles [DC4]', () => {
    const source = `# ${'t'.repeat(headingCharsMax - 1)}😀 and more\fOn page two.`;
    const [, paragraph] = blocksOf(source);
    expect(paragraph).toMatchObject({ page: 2, headings: [{ level: 1, begin: 0, title: 't'.repeat(headingCharsMax - 1) }] });
  });
});

describe('a block that goes on behind its piece', () => {
  const filler = (chars: number): string => `${'filler words\n'.repeat(Math.floor(chars / 13))}\n`;

  it('begins the next piece: paragraphs, items and headings are whole [DC9]', () => {
    for (const before of [400, 100, 40, 10, -10]) {
      const tail =
        '\n## Heading\n\nA paragraph of\ntwo lines.\n\n- item one\n  with a line\n- item two\n\n    not code, but of item two\n\n';
      const half = filler((blockCharsMax - before) / 2);
      const source = `${half}\n${half}${tail}${'Last words.\n\n'.repeat(900)}`;
      const kinds = shown(source).slice(2, 6);
      expect(kinds.map(([kind, text]) => [kind, text])).toEqual([
        ['heading', '## Heading'],
        ['paragraph', 'A paragraph of\ntwo lines.'],
        ['list_item', '- item one\n  with a line'],
        ['list_item', '- item two\n\n    not code, but of item two'],
      ]);
    }
  });

  it('is code to its fence, and nothing in it is a heading [DC9]', () => {
    const code = `\`\`\`\`\n${'# comment\n```\n'.repeat(3_000)}\`\`\`\`\n`;
    const blocks = blocksOf(`${code}# After\n`);
    expect(blocks.map(({ kind }) => kind)).toEqual([...blocks.slice(1).map(() => 'code'), 'heading']);
    expect(blocks.length).toBeGreaterThan(3);
    expect(blocksOf(code.slice(0, -6)).every(({ kind }) => kind === 'code')).toBe(true);
  });

  it('is not code whose fence was closed, and not a table behind a blank line [DC9]', () => {
    const spaces = ' '.repeat(blockCharsMax);
    expect(shown(`\`\`\`\ncode\n\`\`\`\n${spaces}\nAfter.\n`).map(([kind]) => kind)).toEqual(['code', 'paragraph']);
    expect(shown(`| a |\n|---|\n| 1 |\n\n${spaces}\nAfter.\n`).map(([kind]) => kind)).toEqual(['table', 'paragraph']);
  });

  it('is a table to its end, every part under its header [DC9]', () => {
    const rows = Array.from({ length: 3_000 }, (_, at) => `| ${at} | row |\n`);
    const blocks = blocksOf(`| n | what |\n|---|---|\n${rows.join('')}\nAfter.\n`);
    expect(blocks.map(({ kind }) => kind)).toEqual([...blocks.slice(1).map(() => 'table'), 'paragraph']);
    expect(blocks.slice(0, -1).map(({ header }) => header?.text)).toEqual(blocks.slice(1).map(() => '| n | what |\n|---|---|'));
  });
});

describe('a hostile line', () => {
  it('that nests deeper than people write is plain text; one level less is not [DC8]', () => {
    const deep = (marks: number): string => `${'> '.repeat(marks)}deep\n`;
    expect(shown(deep(markdownMarksMaxCount)).map(([kind]) => kind)).toEqual(['quote']);
    expect(shown(deep(markdownMarksMaxCount + 1)).map(([kind]) => kind)).toEqual(['paragraph']);
    expect(shown('- '.repeat(markdownMarksMaxCount + 1)).map(([kind]) => kind)).toEqual(['paragraph']);
    expect(blocksOf('> '.repeat(10_000)).length).toBe(Math.ceil(20_000 / blockCharsMax));
  });
});
