import { plainText, table } from './command.ts';

/** Where a live table is shown: a terminal, or a file or pipe. */
export interface Screen {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  write(text: string): unknown;
}

const [TERMINAL_COLUMNS, TERMINAL_ROWS] = [80, 24];
const CLEAR_LINE = '\u001b[2K';

/**
 * A table that is shown again and again. On a terminal it is redrawn in place, as much of it as there is room for; elsewhere each row is a
 * line of its own, printed when it first appears and whenever it has changed. The first column identifies a row.
 */
export class LiveTable {
  readonly #screen: Screen;
  readonly #headings: readonly string[];
  /** Columns that change by themselves, such as a duration: no reason to print a row again. */
  readonly #ticking: readonly number[];
  readonly #printed = new Map<string, string>();
  #drawnCount = 0;

  constructor(screen: Screen, headings: readonly string[], ticking: readonly string[] = []) {
    this.#screen = screen;
    this.#headings = headings;
    this.#ticking = ticking.map((heading) => headings.indexOf(heading));
  }

  /** `title`: a line above it, on a terminal. */
  show(rows: readonly (readonly string[])[], title: string): void {
    const plain = rows.map((row) => row.map(plainText));
    if (this.#screen.isTTY === true) this.#draw([title, ...table(this.#headings, plain).split('\n')]);
    else this.#print(plain);
  }

  #draw(lines: readonly string[]): void {
    const { columns = TERMINAL_COLUMNS, rows = TERMINAL_ROWS } = this.#screen;
    // One line stays free for the cursor: the terminal would scroll, and the next table begin too high.
    const room = Math.max(2, rows - 1);
    const shown = lines.length <= room ? lines : [...lines.slice(0, room - 1), `... ${lines.length - room + 1} more`];
    const up = this.#drawnCount === 0 ? '' : `\u001b[${this.#drawnCount}A`;
    // Lines of a longer table before this one.
    const below = Math.max(0, this.#drawnCount - shown.length);
    const text = [...shown.map((line) => line.slice(0, columns)), ...Array.from({ length: below }, () => '')];
    this.#screen.write(`${up}${text.map((line) => `${CLEAR_LINE}${line}\n`).join('')}${below === 0 ? '' : `\u001b[${below}A`}`);
    this.#drawnCount = shown.length;
  }

  #print(rows: readonly (readonly string[])[]): void {
    for (const row of rows) {
      const [key = ''] = row;
      const lasting = row.filter((_, column) => !this.#ticking.includes(column)).join('\t');
      if (this.#printed.get(key) === lasting) continue;
      this.#printed.set(key, lasting);
      this.#screen.write(`${row.join('  ')}\n`);
    }
  }
}
