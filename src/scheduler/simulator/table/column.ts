/** How one column of a table is read. */
export interface Column<Value> {
  /** The text of a cell as a value; undefined when it is none. */
  readonly read: (text: string) => Value | undefined;
  /** What a cell has to be, after "is not". */
  readonly expected: string;
  /** What it is in a table without the column; such a column must be there when this is absent. */
  readonly otherwise?: Value;
}

/** Any text. */
export const anyText: Column<string> = { read: (text) => text, expected: 'text' };

/** A text that says something. */
export const someText: Column<string> = { read: (text) => (text === '' ? undefined : text), expected: 'a name' };

export function wholeNumber(min: number, max: number): Column<number> {
  return {
    read: (text) => (/^\d{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : undefined),
    expected: `a whole number from ${min} to ${max}`,
  };
}

export function decimal(min: number, max: number): Column<number> {
  return {
    read: (text) => {
      const value = /^\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? value : undefined;
    },
    expected: `a number from ${min} to ${max}`,
  };
}

/** A column that a table may do without. */
export const optional = <Value>(column: Column<Value>, otherwise: Value): Column<Value> => ({ ...column, otherwise });
