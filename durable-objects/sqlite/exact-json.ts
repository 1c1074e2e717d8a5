const BIG = '$big';

/** JSON that keeps integers of any size. */
export const toExactJson = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? { [BIG]: String(part) } : part));

export const fromExactJson = (text: string): unknown =>
  JSON.parse(text, (_, part: unknown) =>
    typeof part === 'object' && part !== null && BIG in part ? BigInt((part as { [BIG]: string })[BIG]) : part,
  );
