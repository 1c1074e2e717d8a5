import { describe, expect, it } from 'vitest';

import type { KeyedRequest } from '../../../../src/kernel/sql/spent-keys.ts';
import { SPENT_KEY_TABLE, SqliteSpentKeys } from '../../../../src/kernel/sql/spent-keys.ts';
import { wireError } from '../../../../src/contract/api/errors.ts';
import { API_LIMITS } from '../../../../src/contract/api/api-limits.ts';
import { admitKey, SPENT_KEY_BOUNDS } from '../../../../src/contract/api/spent-key.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';

function store() {
  const storage = new NodeSql();
  storage.sql.exec(SPENT_KEY_TABLE);
  const spent = new SqliteSpentKeys(storage, SPENT_KEY_BOUNDS);
  const admit = (scope: string, { key, digest }: KeyedRequest, nowMs: number) => admitKey(spent.find(scope, key, nowMs), digest);
  return { storage, spent, admit };
}

const FREE = { ok: true, value: null };
const SPENT = { error: { code: 'idempotency_key_spent', path: ['idempotency-key'] } };
const request = (key: string, digest = 'd') => ({ key, digest });

describe('spent idempotency keys', () => {
  it('[T78] are reported with their resource and when it ended; another request is a mismatch', () => {
    const { spent, admit } = store();
    expect(admit('a', request('k'), 1)).toEqual(FREE);
    spent.spend('a', request('k'), 'ix_1', 1_000);
    const refused = admit('a', request('k'), 2_000);
    expect(refused).toMatchObject({ error: { ...SPENT.error, spent: { id: 'ix_1', endedAtMs: 1_000 } } });
    expect(refused).toMatchObject({ error: { message: expect.stringMatching(/ix_1, was deleted \(1970-01-01T00:00:01/) } });
    if (refused.ok) return;
    expect(wireError(refused.error, 'r').error).toMatchObject({ code: 'idempotency_key_spent', spent: { id: 'ix_1', ended_at: 1 } });
    expect(admit('a', request('k', 'other'), 2_000)).toMatchObject({ error: { code: 'idempotency_mismatch' } });
    expect(admit('b', request('k'), 2_000)).toEqual(FREE);
  });

  it('[T78] are remembered for spentKeyTtlMs, and older ones are swept', () => {
    const { storage, spent, admit } = store();
    const ttlMs = API_LIMITS.spentKeyTtlMs;
    spent.spend('a', request('k'), 'ix_1', 1_000);
    expect(admit('a', request('k'), 999 + ttlMs)).toMatchObject(SPENT);
    expect(admit('a', request('k'), 1_000 + ttlMs)).toEqual(FREE);
    // The key was used again, and that resource was deleted too.
    spent.spend('a', request('k'), 'ix_2', 1_000 + ttlMs);
    expect(admit('a', request('k'), 1_000 + ttlMs)).toMatchObject({ error: { spent: { id: 'ix_2' } } });
    expect(storage.sql.exec('SELECT key FROM spent_keys').toArray()).toHaveLength(1);
  });

  it('[T78] are at most spentKeysMaxCount in a scope, and evict none of another scope', () => {
    const { storage, spent, admit } = store();
    spent.spend('b', request('kept'), 'b', 1);
    storage.sql.exec(
      `WITH RECURSIVE n (at) AS (SELECT 0 UNION ALL SELECT at + 1 FROM n WHERE at + 1 < ?)
       INSERT INTO spent_keys (scope, key, digest, made, ended_ms) SELECT 'a', 'k' || at, 'd', 'a', 1 FROM n`,
      API_LIMITS.spentKeysMaxCount,
    );
    spent.spend('a', request('last'), 'a', 1);
    expect(admit('a', request('k0'), 1)).toEqual(FREE);
    expect(admit('a', request('k1'), 1)).toMatchObject(SPENT);
    expect(admit('b', request('kept'), 1)).toMatchObject(SPENT);
    spent.forget('a');
    expect(admit('a', request('k1'), 1)).toEqual(FREE);
    expect(admit('b', request('kept'), 1)).toMatchObject(SPENT);
  });
});
