import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { PostingsQuery, RowContents, RowSource } from '../../../src/ann/row-fields.ts';
import { analysisSettings } from '../../../src/contract/indexes/analysis.ts';
import type { IndexFields } from '../../../src/contract/indexes/index-fields.ts';
import { MemoryRegistry } from '../../../src/kernel/memory-registry.ts';
import { RememberingStorage } from '../../../src/kernel/sql/remembering-storage.ts';
import { atOnce } from '../../../src/kernel/stepped-work.ts';
import { Analysers } from '../../../src/text/fields/known-fields.ts';
import { SqliteRowFields } from '../../../src/text/fields/sqlite-row-fields.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';
import { ExhaustiveFields } from '../../support/oracles/exhaustive-fields.ts';
import { value } from '../../support/worlds/shard-world.ts';

const ANALYSIS = analysisSettings.parse({ language: 'none', stemming: false });
const FIELDS: IndexFields = {
  body: { kind: 'text', analysis: ANALYSIS, weight: 1, source: 'field' },
  own: { kind: 'text', analysis: ANALYSIS, weight: 1, source: 'text' },
};
const words = (lengthMax: number) =>
  fc.array(fc.constantFrom('ab', 'cd', 'ef', 'gh', 'ij'), { maxLength: lengthMax }).map((all) => all.join(' '));
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('put' as const), body: words(12), own: words(4), namespace: fc.integer({ min: 1, max: 2 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), at: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('sweep' as const, 'restart' as const, 'evict' as const) }) },
);

it('[TX150] [TX151] [TX155] fields find and score what a scan of all rows by the textbook does', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40 }),
      words(3),
      fc.double({ min: 0, max: 3, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (steps, query, k1, b) => {
        const rows = new Map<number, RowContents>();
        const source: RowSource = {
          contentsBehind: (after, countMax) => [...rows.values()].filter(({ row }) => row > after).slice(0, countMax),
          liveRows: () => rows,
          contentsOf: (of) => of.map((row) => rows.get(row)!),
          idsOf: (of) => [...of].map((row) => ({ row, id: `id-${String(row).padStart(4, '0')}` })),
        };
        const sql = new NodeSql();
        const open = () => {
          const storage = new RememberingStorage(sql);
          return {
            storage,
            fields: new SqliteRowFields(storage, source, new Analysers(), {
              registry: new MemoryRegistry(1 << 24),
              name: 'postings',
              bytesMax: 1 << 16,
            }),
          };
        };
        let { storage, fields } = open();
        storage.transactionSync(() => fields.define(FIELDS));
        let last = 0;
        for (const one of steps) {
          if (one.kind === 'put') {
            const row = { row: (last += 1), namespace: one.namespace, contents: JSON.stringify({ body: one.body }), text: one.own };
            rows.set(row.row, row);
            storage.transactionSync(() => fields.put([row]));
          } else if (one.kind === 'remove' && rows.size > 0) {
            const gone = [...rows.values()][one.at % rows.size]!;
            rows.delete(gone.row);
            storage.transactionSync(() => fields.remove([gone]));
          } else if (one.kind === 'restart') ({ storage, fields } = open());
          else if (one.kind === 'evict') fields.evict();
          else while (fields.sweep());
        }
        const oracle = new ExhaustiveFields(source);
        oracle.define(FIELDS);
        const asked: PostingsQuery = {
          kind: 'text',
          query: query === '' ? 'ab' : [...new Set(query.split(' '))].join(' '),
          fields: [
            { name: 'body', weight: 2 },
            { name: 'own', weight: 0.5 },
          ],
          k1,
          b,
        };
        for (const namespace of [1, 2]) {
          const statistics = value(atOnce(fields.statistics({ query: asked, namespace })));
          expect(statistics).toEqual(value(atOnce(oracle.statistics({ query: asked, namespace }))));
          const [found, scanned] = [fields, oracle].map((each) =>
            value(atOnce(each.search({ query: asked, namespace, topK: 100, statistics }))),
          );
          const byRow = (of: typeof found) => new Map(of!.rows.map((row, i) => [row, of!.scores[i]!]));
          const [mine, theirs] = [byRow(found), byRow(scanned)];
          expect([...mine.keys()].sort((x, y) => x - y)).toEqual([...theirs.keys()].sort((x, y) => x - y));
          for (const [row, score] of mine) expect(Math.abs(score - theirs.get(row)!)).toBeLessThanOrEqual(1e-9 * score);
        }
      },
    ),
  );
});
