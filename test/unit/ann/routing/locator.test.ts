import { expect, it } from 'vitest';

import { SqliteLocatorStore } from '../../../../durable-objects/sqlite/sqlite-locator-store.ts';
import type { LocatorPeers } from '../../../../src/ann/routing/locator.ts';
import { Locator } from '../../../../src/ann/routing/locator.ts';
import type { Outcome } from '../../../../src/contract/outcome.ts';
import { refuse } from '../../../../src/contract/outcome.ts';
import type { IndexId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { NodeSql } from '../../../support/node-sql.ts';

const GONE = refuse('unavailable', 'the shard cannot be reached');

/** A locator whose shard answers when it is told to. */
function world() {
  const answers: ((outcome: Outcome<{ readonly lsn: number }>) => void)[] = [];
  const later = () => new Promise<Outcome<{ readonly lsn: number }>>((resolve) => void answers.push(resolve));
  const peers: LocatorPeers = { routes: async () => GONE, put: later, remove: later, clear: async () => GONE };
  const locator = new Locator({ indexId: 'ix_rest' as IndexId, ordinal: 0 }, new SqliteLocatorStore(new NodeSql()), peers, () => 0);
  const write = (id: string) =>
    locator.write({
      ids: [id],
      namespaces: [''],
      values: Float32Array.of(1),
      metadata: [null],
      texts: [null],
      places: [[0]],
      routeVersion: 1,
      idempotency: null,
    });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { locator, write, answers, settled };
}

it('[B43] a locator is at rest when every write that it took is done', async () => {
  const { locator, write, answers, settled } = world();
  const writes = [write('a'), write('a'), write('b')];
  let isAtRest: boolean | undefined;
  const resting = locator.comeToRest().then((rests) => (isAtRest = rests));
  for (let answered = 0; answered < 3; answered += 1) {
    await settled();
    expect(isAtRest).toBe(undefined);
    answers.shift()!(ok({ lsn: 5 + answered }));
  }
  await resting;
  expect(isAtRest).toBe(true);
  for (const written of writes) expect(await written).toMatchObject({ ok: true });
  expect(await locator.remove({ ids: ['absent'], namespaces: [''], expected: null })).toMatchObject({ value: { count: 0, lsn: 7 } });
});

it('[B43] a locator that cannot finish a write says that it is not at rest', async () => {
  const { locator, write, answers, settled } = world();
  const writing = write('a');
  await settled();
  answers.shift()!(GONE);
  expect(await writing).toMatchObject({ ok: false, error: { code: 'unavailable' } });
  const resting = locator.comeToRest();
  await settled();
  answers.shift()!(GONE);
  expect(await resting).toBe(false);
  expect(locator.isBusy).toBe(true);
});
