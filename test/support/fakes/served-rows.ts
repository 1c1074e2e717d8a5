import type { RowReaders } from '../../../src/gateway/vectors/visible/row-readers.ts';
import { ServedRows } from '../../../src/gateway/vectors/visible/served-rows.ts';
import { ok } from '../../../src/kernel/result.ts';

/** What the documents' objects of indexes say where there are none, or what `readers` say. */
export function servedRows(readers: Partial<RowReaders> = {}): ServedRows {
  const none: RowReaders = {
    hidden: async (_, ids) => ok({ ids, edition: 0 }),
    edition: async () => ok(0),
    owners: async () => ok([]),
    count: async () => ok(0),
  };
  return new ServedRows({
    readersOf: () => ({ ...none, ...readers }),
    clock: { nowMs: () => 0 },
  });
}
