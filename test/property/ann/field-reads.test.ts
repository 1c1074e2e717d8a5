import fc from 'fast-check';
import { expect, it } from 'vitest';

import type { FieldMatches, FieldSearch } from '../../../src/ann/row-fields.ts';
import type { ShardFieldSearch, UpsertBatch } from '../../../src/ann/shard-protocol.ts';
import { analysisSettings } from '../../../src/contract/indexes/analysis.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { Steps } from '../../../src/kernel/stepped-work.ts';
import { ExhaustiveFields } from '../../support/oracles/exhaustive-fields.ts';
import { ShardWorld, smallFloor, value } from '../../support/worlds/shard-world.ts';
import { whole } from '../../support/worlds/whole-read.ts';

const FIELDS = {
  body: { kind: 'text', analysis: analysisSettings.parse({ language: 'none', stemming: false }), weight: 1, source: 'field' },
} as const;
const WORDS = ['red', 'fox', 'den'];

/** Scans that stop before they begin and once they have ended. */
class SteppedFields extends ExhaustiveFields {
  override *search(search: FieldSearch): Steps<Outcome<FieldMatches>> {
    const found = yield* super.search(search);
    yield undefined;
    return found;
  }
}

const id = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
const body = fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 4 }).map((words) => words.join(' '));
const write = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), bodies: fc.dictionary(id, body, { minKeys: 1, maxKeys: 3 }) }),
  fc.record({ kind: fc.constant('remove' as const), ids: fc.uniqueArray(id, { minLength: 1, maxLength: 3 }) }),
  fc.record({ kind: fc.constant('clear' as const) }),
);
type Write = typeof write extends fc.Arbitrary<infer T> ? T : never;

class World {
  readonly made = new ShardWorld(smallFloor(1 << 22), { dimensions: 2, metric: 'l2', fields: FIELDS }, 'steps', (_, rows) => {
    const fields = new SteppedFields(rows);
    fields.define(FIELDS);
    return fields;
  });

  do(change: Write): void {
    const { shard, nowMs, identity } = this.made;
    const { indexId } = identity;
    if (change.kind === 'clear') return void value(shard.delete({ indexId, selection: { kind: 'all' } }));
    if (change.kind === 'remove') return void shard.delete({ indexId, selection: { kind: 'ids', namespace: '', ids: change.ids } });
    const ids = Object.keys(change.bodies);
    const batch: UpsertBatch = {
      indexId,
      ids,
      namespaces: ids.map(() => ''),
      values: new Float32Array(2 * ids.length),
      metadata: ids.map(() => null),
      texts: ids.map(() => null),
      contents: Object.values(change.bodies).map((text) => JSON.stringify({ body: text })),
      repetition: null,
    };
    value(shard.upsert(batch, nowMs));
  }

  /** What a search comes to when these happen between its steps. */
  searched(search: ShardFieldSearch, changes: readonly Write[]) {
    const left = [...changes];
    const steps = value(this.made.shard.searchFields(search));
    for (;;) {
      const step = steps.next();
      if (step.done === true) return value(step.value);
      const change = left.shift();
      if (change !== undefined) this.do(change);
    }
  }

  leg(more: Pick<ShardFieldSearch, 'topK' | 'excludeIds' | 'filter'>): ShardFieldSearch {
    const { indexId } = this.made.identity;
    const query = { kind: 'text', query: 'red den', fields: [{ name: 'body', weight: 1 }], k1: 1.2, b: 0.75 } as const;
    const statistics = {
      fields: [{ name: 'body', documents: 10, totalLength: 30 }],
      terms: [
        { field: 'body', term: 'red', documents: 3 },
        { field: 'body', term: 'den', documents: 1 },
      ],
    };
    return { indexId, namespace: '', include: { values: false, metadata: false, text: false }, query, statistics, ...more };
  }
}

const asked = fc.record({
  topK: fc.integer({ min: 1, max: 4 }),
  excludeIds: fc.uniqueArray(id, { maxLength: 1 }),
  filter: fc.option(fc.uniqueArray(id, { minLength: 1, maxLength: 2 }).map((ids) => ({ kind: 'not', of: { kind: 'ids', ids } }) as const)),
});

it('[TX190] a search whose steps lie between writes answers as one at its end does', () => {
  fc.assert(
    fc.property(fc.array(write, { maxLength: 6 }), asked, fc.array(write, { maxLength: 2 }), (before, more, between) => {
      const world = new World();
      for (const change of before) world.do(change);
      const found = world.searched(world.leg(more), between);
      expect(found).toEqual(value(whole(world.made.shard.searchFields(world.leg(more)))));
    }),
    { numRuns: 400 },
  );
});

it('[TX190] however often rows are written, a search ends with rows that are there, once each', () => {
  fc.assert(
    fc.property(fc.array(write, { maxLength: 6 }), asked, fc.array(write, { minLength: 3, maxLength: 24 }), (before, more, between) => {
      const world = new World();
      for (const change of before) world.do(change);
      const { ids, scores } = world.searched(world.leg(more), between);
      const all = value(whole(world.made.shard.searchFields({ ...world.leg(more), topK: 10 })));
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids.map((one) => all.scores[all.ids.indexOf(one)])).toEqual(scores);
    }),
    { numRuns: 200 },
  );
});

it('[TX190] what is written between counting and searching is found once', () => {
  const world = new World();
  world.do({ kind: 'put', bodies: { a: 'red', b: 'fox' } });
  const { statistics: _, ...own } = world.leg({ topK: 10, excludeIds: [], filter: null });
  const change: Write = { kind: 'put', bodies: { c: 'red', d: 'red den' } };
  for (let after = 0; after < 3; after += 1) {
    const steps = value(world.made.shard.searchFields(own));
    for (let step = 0; step <= after; step += 1) steps.next();
    world.do(change);
    let last = steps.next();
    while (last.done !== true) last = steps.next();
    expect([...value(last.value).ids].sort()).toEqual(['a', 'c', 'd']);
  }
});

it('[TX190] a search ends as one on nothing when everything is erased between its steps', () => {
  const world = new World();
  world.do({ kind: 'put', bodies: { a: 'red' } });
  const steps = value(world.made.shard.searchFields(world.leg({ topK: 1, excludeIds: [], filter: null })));
  steps.next();
  world.made.shard.close(world.made.identity.indexId);
  world.made.sql.sql.exec('DELETE FROM vectors');
  world.made.sql.sql.exec('DELETE FROM shard');
  world.made.shard.forget();
  expect(steps.next()).toMatchObject({ done: true, value: { error: { code: 'index_not_found' } } });
});
