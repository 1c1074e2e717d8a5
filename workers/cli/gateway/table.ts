const GAP = '  ';

/** Rows below their headings, each column as wide as its widest cell; numbers to the right. */
export function table(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const texts = rows.map((row) => row.map(String));
  const widths = headings.map((heading, column) => Math.max(heading.length, ...texts.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[], isRight: (column: number) => boolean): string =>
    cells
      .map((cell, column) => (isRight(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join(GAP)
      .trimEnd();
  const isNumber = (column: number): boolean => rows.length > 0 && rows.every((row) => typeof row[column] === 'number');
  return [line(headings, isNumber), ...texts.map((row) => line(row, isNumber))].join('\n');
}
