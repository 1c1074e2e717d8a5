import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { accepts } from '../../../src/ann/filter/accepts.ts';
import { compareIds } from '../../../src/ann/id-order.ts';
import { editMetadata } from '../../../src/ann/metadata-edit.ts';
import type { MetadataEdit } from '../../../src/ann/metadata-edit.ts';
import type { Filter } from '../../../src/contract/vectors/filter.ts';
import { filter as filterSchema } from '../../../src/contract/vectors/filter-syntax.ts';
import type { JsonValue } from '../../../src/contract/api/json-value.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { ShardWorld, smallFloor, value } from '../../support/worlds/shard-world.ts';

const ID = fc.oneof(
  { weight: 6, arbitrary: fc.nat(25).map(String) },
  { weight: 2, arbitrary: fc.constantFrom('9007199254740993', '9007199254740992', '18446744073709551615', '18446744073709551616') },
  { weight: 2, arbitrary: fc.constantFrom('007', '-1', '1.5', '1e3', '0', '00', '5f6d', '\uffff', '😀', 'a', 'A') },
  { weight: 3, arbitrary: fc.nat(12).map((n) => `${n.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`) },
);

const FILTERS = [null, { n: { $lt: 3 } }, { $not: { n: 1 } }, { tag: 'x' }, { n: { $gte: 100 } }].map((written) =>
  written === null ? null : filterSchema.parse(written),
);

const METADATA = fc.oneof(
  { weight: 1, arbitrary: fc.constant(null) },
  { weight: 5, arbitrary: fc.record({ n: fc.nat(5) }, { requiredKeys: [] }).map((one) => JSON.stringify(one)) },
);

const EDIT: fc.Arbitrary<MetadataEdit> = fc.oneof(
  fc.record({
    kind: fc.constant('set' as const),
    at: fc.constantFrom<string[]>([], ['deep'], ['deep', 'n'], ['n']),
    fields: fc.constantFrom('{"n":1}', '{"tag":"x"}', '{"n":7,"big":12345678901234567891}'),
  }),
  fc.record({ kind: fc.constant('unset' as const), paths: fc.constantFrom<string[][]>([['n']], [['deep', 'n'], ['tag']]) }),
  fc.record({ kind: fc.constant('replace' as const), metadata: METADATA }),
);

const SELECTED = fc.record({ ids: fc.uniqueArray(ID, { maxLength: 8 }), filter: fc.constantFrom(...FILTERS) });

const STEP = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('upsert' as const),
      ids: fc.uniqueArray(ID, { minLength: 5, maxLength: 25 }),
      metadata: METADATA,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), ids: fc.uniqueArray(ID, { maxLength: 6 }) }) },
  { weight: 5, arbitrary: SELECTED.chain((of) => EDIT.map((edit) => ({ kind: 'patch' as const, edit, ...of }))) },
  { weight: 2, arbitrary: SELECTED.map((of) => ({ kind: 'values' as const, ...of })) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('list' as const),
      filter: fc.constantFrom(...FILTERS),
      page: fc.integer({ min: 1, max: 12 }),
      from: fc.option(ID),
      isIncluded: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'restart' as const }) },
);

interface Known {
  /** As JSON text. */
  readonly metadata: string | null;
  readonly values: readonly number[];
  readonly text: string | null;
}

const seen: Record<string, number> = {};
const count = (what: string) => {
  seen[what] = (seen[what] ?? 0) + 1;
};

/** A shard, and a map of its vectors in the default namespace; those of another namespace must not change. */
class ListedWorld extends ShardWorld {
  readonly known = new Map<string, Known>();
  readonly random = new Seeded(5);

  write(ids: readonly string[], metadata: string | null, namespace = ''): void {
    const rows = ids.map(() => [this.random.next(), this.random.next()].map(Math.fround));
    const batch = {
      indexId: this.identity.indexId,
      ids,
      namespaces: ids.map(() => namespace),
      values: Float32Array.from(rows.flat()),
      metadata: ids.map(() => metadata),
      texts: ids.map((id) => `text of ${id}`),
      repetition: null,
    };
    value(this.shard.upsert(batch, this.nowMs));
    if (namespace !== '') return;
    ids.forEach((id, i) => this.known.set(id, { metadata, values: rows[i] ?? [], text: `text of ${id}` }));
  }

  accepted(filter: Filter | null): string[] {
    const ids = [...this.known].filter(([id, { metadata }]) => filter === null || accepts(filter, parsed(metadata), id)).map(([id]) => id);
    return ids.sort(compareIds);
  }

  patch(ids: readonly string[], filter: Filter | null, edit: MetadataEdit): void {
    const before = this.stats().lsn;
    const done = value(this.shard.patch({ indexId: this.identity.indexId, namespace: '', ids, filter, edit }, this.nowMs));
    const chosen = new Set(this.accepted(filter));
    const changed = ids.filter((id) => chosen.has(id));
    expect(done).toMatchObject({ count: changed.length, taken: ids.length, missing: ids.filter((id) => !this.known.has(id)) });
    expect(done.lsn - before).toBeLessThanOrEqual(1);
    if (done.lsn > before) count('rewritten');
    if (done.missing.length > 0) count('missing');
    if (changed.length < ids.length - done.missing.length) count('filtered');
    for (const id of changed) {
      const known = this.known.get(id)!;
      // `editMetadata` has tests of its own.
      const after = editMetadata(known.metadata, edit);
      this.known.set(id, { ...known, metadata: after === null ? null : JSON.stringify(after) });
    }
  }

  revalue(ids: readonly string[], filter: Filter | null): void {
    const values = Float32Array.from(ids.flatMap(() => [this.random.next(), this.random.next()]));
    const edit = { kind: 'values' as const, values };
    const chosen = new Set(this.accepted(filter));
    const done = value(this.shard.patch({ indexId: this.identity.indexId, namespace: '', ids, filter, edit }, this.nowMs));
    expect(done.count).toBe(ids.filter((id) => chosen.has(id)).length);
    ids.forEach((id, i) => {
      const known = this.known.get(id);
      if (known === undefined || !chosen.has(id)) return;
      this.known.set(id, { ...known, values: [...values.subarray(2 * i, 2 * i + 2)], text: null });
      const near = value(this.shard.query({ ...this.around(values.slice(2 * i, 2 * i + 2)), topK: 1 }));
      expect(near.scores[0]).toBeCloseTo(0, 6);
      count('revalued');
    });
  }

  around(values: Float32Array<ArrayBuffer>) {
    const { indexId } = this.identity;
    const target = { kind: 'values' as const, values };
    return { indexId, target, namespace: '', filter: null, excludeIds: [], include: { values: false, metadata: false, text: false } };
  }

  /** Lists page by page to the end, and compares with the map. */
  expectListing(filter: Filter | null, limit: number, from: { id: string; isIncluded: boolean } | null): void {
    const expected = this.accepted(filter).filter((id) => {
      const order = from === null ? 1 : compareIds(id, from.id);
      return order > 0 || (order === 0 && from?.isIncluded === true);
    });
    const listed: string[] = [];
    const { indexId } = this.identity;
    const include = { values: true, metadata: true, text: true };
    for (let start = from; ;) {
      const page = value(this.shard.list({ indexId, namespace: '', filter, start, limit, include }));
      expect(page.ids.length).toBeLessThanOrEqual(limit);
      page.ids.forEach((id, i) => {
        const known = this.known.get(id)!;
        expect(page.metadata?.[i]).toEqual(known.metadata);
        expect([page.texts?.[i], [...page.values!.subarray(2 * i, 2 * i + 2)]]).toEqual([known.text, known.values]);
      });
      listed.push(...page.ids);
      if (page.next === null) break;
      if (page.ids.length > 0) count('pages');
      start = { id: page.next, isIncluded: false };
    }
    expect(listed).toEqual(expected);
    expect(value(this.shard.count({ indexId, namespace: '', filter })).count).toBe(this.accepted(filter).length);
  }
}

const parsed = (json: string | null): JsonValue => (json === null ? null : (JSON.parse(json) as JsonValue));

it('[Q60][Q61][Q62][Q63] lists, counts and changes as a plain map does, through writes and evictions', () => {
  fc.assert(
    fc.property(fc.array(STEP, { minLength: 10, maxLength: 30 }), (steps) => {
      const world = new ListedWorld(smallFloor(1 << 22), { dimensions: 2, metric: 'l2' });
      world.write(['1', '2', 'a'], '{"n":1}', 'elsewhere');
      for (const step of steps) {
        if (step.kind === 'upsert') world.write(step.ids, step.metadata);
        else if (step.kind === 'patch') world.patch(step.ids, step.filter, step.edit);
        else if (step.kind === 'values') world.revalue(step.ids, step.filter);
        else if (step.kind === 'restart') world.restart();
        else if (step.kind === 'list') {
          world.expectListing(step.filter, step.page, step.from === null ? null : { id: step.from, isIncluded: step.isIncluded });
        } else {
          const selection = { kind: 'ids' as const, namespace: '', ids: step.ids };
          value(world.shard.delete({ indexId: world.identity.indexId, selection }));
          for (const id of step.ids) world.known.delete(id);
        }
      }
      for (const filter of FILTERS) world.expectListing(filter, 7, null);
      const { indexId } = world.identity;
      expect(value(world.shard.count({ indexId, namespace: 'elsewhere', filter: null })).count).toBe(3);
    }),
    { seed: 160, numRuns: effort(75) },
  );
  for (const what of ['pages', 'rewritten', 'missing', 'filtered', 'revalued']) expect(seen[what] ?? 0, what).toBeGreaterThan(40);
});

it('[Q60] orders numbers by value and the rest by code points', () => {
  const ordered = [
    '0',
    '7',
    '42',
    '100',
    '9007199254740992',
    '9007199254740993',
    '18446744073709551615',
    '-1',
    '007',
    '1.5',
    'a',
    '\uffff',
    '😀',
  ];
  expect(ordered.toReversed().sort(compareIds)).toEqual(ordered);
});

it('[Q65] looks at a bounded number of ids in a slice, and still finds all of them', () => {
  const world = new ListedWorld(smallFloor(1 << 22), { dimensions: 2, metric: 'l2' });
  const countAll = 2 * INDEX_LIMITS.listSliceMaxCount + 5_000;
  for (let at = 0; at < countAll; at += 1000)
    world.write(
      Array.from({ length: 1000 }, (_, i) => String(at + i)),
      '{"n":1}',
    );
  const rare = Array.from({ length: 5 }, (_, i) => String(i * 5_000 + 17));
  world.write(rare, '{"n":2}');
  const { indexId } = world.identity;
  // It matches too many rows to sort them, so the selection is stored as its complement.
  const common = filterSchema.parse({ $not: { n: 2 } });
  const list = { indexId, namespace: '', start: null, include: { values: false, metadata: false, text: false } };
  expect(value(world.shard.list({ ...list, filter: common, limit: 20 })).ids).toHaveLength(20);
  const nothing = filterSchema.parse({ $and: [{ $not: { n: 2 } }, { $not: { n: { $gte: 1 } } }] });
  const slice = value(world.shard.list({ ...list, filter: nothing, limit: 20 }));
  expect(slice.ids).toEqual([]);
  const looked = Number(slice.next);
  expect(looked).toBeGreaterThanOrEqual(INDEX_LIMITS.listSliceMaxCount - 1);
  expect(looked).toBeLessThan(2 * INDEX_LIMITS.listSliceMaxCount);
  expect(value(world.shard.list({ ...list, filter: filterSchema.parse({ n: 2 }), limit: 20 }))).toMatchObject({ ids: rare, next: null });
});
