/** Numbers by two names, such as the changed lines of each file by author. What is not in it is 0. */
export class NumberTable<Column = string> extends Map<string, Map<Column, number>> {
  add(row: string, column: Column, value: number): void {
    const numbers = this.#rowOf(row);
    numbers.set(column, (numbers.get(column) ?? 0) + value);
  }

  /** Has the value, or what is there if that is more. */
  raise(row: string, column: Column, value: number): void {
    const numbers = this.#rowOf(row);
    numbers.set(column, Math.max(numbers.get(column) ?? 0, value));
  }

  #rowOf(row: string): Map<Column, number> {
    const found = this.get(row) ?? new Map<Column, number>();
    this.set(row, found);
    return found;
  }
}

export function sumOf(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
