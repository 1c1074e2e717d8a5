import { describe, expect, it } from 'vitest';

import { LiveTable } from '../../../../workers/cli/command/live-table.ts';

const HEADINGS = ['job', 'state', 'waited'] as const;

const ESCAPE = '\u001b';
/** What moves the cursor up, clears the line, is text, or ends the line. */
const WRITTEN = new RegExp(`${ESCAPE}\\[(\\d+)A|${ESCAPE}\\[2K|[^${ESCAPE}\n]+|\n`, 'g');

/** A terminal that carries out what a live table writes, and the lines on it. */
class Terminal {
  readonly isTTY = true;
  readonly columns: number;
  readonly rows: number;
  readonly lines: string[] = [];
  #at = 0;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  write(text: string): void {
    for (const [part, up] of text.matchAll(WRITTEN)) {
      if (up !== undefined) this.#at -= Number(up);
      else if (part === '\n') this.#at += 1;
      else this.lines[this.#at] = part === '\u001b[2K' ? '' : part;
      expect(this.#at, 'the cursor stays on the screen').toBeGreaterThanOrEqual(0);
      expect(this.#at).toBeLessThan(this.rows);
    }
  }

  get shown(): string {
    return this.lines.join('\n').trimEnd();
  }
}

describe('a live table on a terminal', () => {
  it('is redrawn in place, and leaves nothing of a longer or wider one', () => {
    const terminal = new Terminal(60, 20);
    const live = new LiveTable(terminal, HEADINGS);
    const rows = [
      ['job_a', 'pending', '1 s'],
      ['job_b', 'running', '3 s'],
    ];
    live.show(rows, '2 jobs');
    live.show([['job_b', 'succeeded: with a long word', '4 s']], 'one job');
    expect(terminal.shown).toBe('one job\njob    state                        waited\njob_b  succeeded: with a long word  4 s');
    live.show(rows, '2 jobs');
    expect(terminal.shown).toBe('2 jobs\njob    state    waited\njob_a  pending  1 s\njob_b  running  3 s');
  });

  it('shows as much as there is room for, and how many rows are left out', () => {
    const terminal = new Terminal(12, 6);
    const live = new LiveTable(terminal, HEADINGS);
    const rows = Array.from({ length: 10 }, (_, n) => [`job_${n}`, 'pending', `${n} s`]);
    live.show(rows, 'ten jobs of a tenant');
    live.show(rows, 'ten jobs of a tenant');
    expect(terminal.lines).toEqual(['ten jobs of ', 'job    state', 'job_0  pendi', 'job_1  pendi', '... 8 more']);
  });
});

describe('a live table in a file or pipe', () => {
  it('prints a row when it is new and when it has changed, not for time that passes', () => {
    const written: string[] = [];
    const live = new LiveTable({ write: (text) => written.push(text) }, HEADINGS, ['waited']);
    live.show([['job_a', 'pending', '1 s']], 'title');
    live.show([['job_a', 'pending', '2 s']], 'title');
    live.show(
      [
        ['job_b', 'pending', '0 s'],
        ['job_a', 'running', '3 s'],
      ],
      'title',
    );
    expect(written.join('')).toBe('job_a  pending  1 s\njob_b  pending  0 s\njob_a  running  3 s\n');
  });

  it('prints no control characters of a name, which would move the cursor or break a line', () => {
    const written: string[] = [];
    new LiveTable({ write: (text) => written.push(text) }, HEADINGS).show([['job_a', 'a\u001b[31mb\nc\u0007', '']], '');
    expect(written.join('')).toBe('job_a  ab c   \n');
  });
});
