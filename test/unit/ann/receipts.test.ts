import { describe, expect, it } from 'vitest';

import { locatorSchema, SqliteLocatorStore } from '../../../src/index/locators/sqlite-locator-store.ts';
import { migrate } from '../../../src/kernel/sql/migrate.ts';
import { ReceiptStore } from '../../../src/ann/store/receipt-store.ts';
import { SHARD_SCHEMA } from '../../../src/ann/store/shard-schema.ts';
import { VectorStore } from '../../../src/ann/store/vector-store.ts';
import { WHOLE, ownKey, resumeWrite } from '../../../src/ann/receipts.ts';
import type { KeyedReceipt, Receipt } from '../../../src/ann/receipts.ts';
import { receiptsByLocator, locatorOf } from '../../../src/index/locators/locator-of.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';

const BILLING = { usageId: 'ix_1:5', tokens: 7, cachedTokens: 1 };
const REQUEST = { idempotencyKey: 'k', digest: 'd' };
const KEYS = { ids: Array.from({ length: 40 }, (_, i) => `v${i}`), namespaces: Array.from({ length: 40 }, () => 'n') };

const receipt = (done: Receipt['done'], billing: Receipt['billing'] = null): KeyedReceipt => ({
  idempotencyKey: 'k',
  digest: 'd',
  atMs: 5,
  done,
  billing,
});

const stored = (): ReceiptStore => {
  const sql = new NodeSql();
  migrate(sql, SHARD_SCHEMA);
  return new ReceiptStore(sql);
};

describe('the remaining part of a request', () => {
  const resumed = (known: Receipt | undefined, digest = 'd') => resumeWrite(KEYS, { ...REQUEST, digest }, () => known);

  it('[RT40] is what receipts do not list as written: all after a claim, nothing when complete', () => {
    const all = [...KEYS.ids.keys()];
    expect(resumed(undefined)).toEqual({ ok: true, value: { kind: 'left', positions: all } });
    expect(resumed(receipt([], BILLING))).toEqual({ ok: true, value: { kind: 'left', positions: all } });
    expect(resumed(receipt([{ ...WHOLE, lsn: 9 }], BILLING))).toEqual({
      ok: true,
      value: { kind: 'repeated', written: { count: 40, lsn: 9, billing: BILLING } },
    });
    const two = receipt([
      { parts: 8, part: 1, lsn: 3 },
      { parts: 8, part: 6, lsn: 4 },
    ]);
    const left = all.filter((i) => ![1, 6].includes(locatorOf('n', KEYS.ids[i]!, 8)));
    expect(left.length).toBeGreaterThan(10);
    expect(resumed(two)).toEqual({ ok: true, value: { kind: 'left', positions: left } });
    const every = receipt(Array.from({ length: 8 }, (_, part) => ({ parts: 8, part, lsn: part })));
    expect(resumed(every)).toMatchObject({ value: { kind: 'repeated', written: { count: 40, lsn: 7 } } });
  });

  it('[RT40] is refused to another request under the same key, whatever the state of the first', () => {
    for (const done of [[], [{ ...WHOLE, lsn: 1 }], [{ parts: 8, part: 1, lsn: 1 }]]) {
      expect(resumed(receipt(done), 'other')).toMatchObject({ error: { code: 'idempotency_mismatch', path: ['idempotency-key'] } });
    }
  });
});

describe('receipts of an object', () => {
  it('[RT40] combine all parts of a request; billing and time are those of the first try', () => {
    const receipts = stored();
    expect(receipts.claim(REQUEST, BILLING, 50)).toMatchObject({ done: [], billing: BILLING, atMs: 50 });
    expect(receipts.claim(REQUEST, { ...BILLING, usageId: 'later' }, 60)).toMatchObject({ billing: BILLING });
    receipts.adopt([receipt([{ parts: 8, part: 3, lsn: 2 }], { ...BILLING, usageId: 'other' })]);
    receipts.adopt([receipt([{ parts: 8, part: 3, lsn: 9 }])]);
    const parts = [
      { parts: 8, part: 3, lsn: 2 },
      { parts: 8, part: 0, lsn: 4 },
    ];
    expect(receipts.add(REQUEST, { parts: 8, part: 0, lsn: 4 }, null, 70)).toEqual({ digest: 'd', atMs: 5, done: parts, billing: BILLING });
    expect(receipts.find('k')).toMatchObject({ done: parts });
    expect(receipts.add(REQUEST, { ...WHOLE, lsn: 8 }, null, 80).done).toEqual([{ ...WHOLE, lsn: 8 }]);
    // A late part adds nothing to a receipt of the whole.
    receipts.adopt([receipt(parts)]);
    expect(receipts.find('k')?.done).toEqual([{ ...WHOLE, lsn: 8 }]);
  });

  it('[RT40] are sent page by page: again after a change, but not after a repetition', () => {
    const receipts = stored();
    for (const key of ['a', 'b', 'c']) receipts.claim({ idempotencyKey: key, digest: 'd' }, BILLING, 1);
    const keysBehind = (after: number, most = 10) => {
      const { receipts: found, next } = receipts.behind(after, most);
      return { keys: found.map(({ idempotencyKey }) => idempotencyKey), next };
    };
    const first = keysBehind(0, 2);
    expect(first.keys).toEqual(['a', 'b']);
    const second = keysBehind(first.next);
    expect(second.keys).toEqual(['c']);
    expect(keysBehind(second.next)).toEqual({ keys: [], next: second.next });
    receipts.adopt(receipts.behind(0, 10).receipts);
    expect(keysBehind(second.next).keys).toEqual([]);
    receipts.add({ idempotencyKey: 'a', digest: 'd' }, { ...WHOLE, lsn: 1 }, null, 1);
    expect(keysBehind(second.next).keys).toEqual(['a']);
    // The number of a swept receipt is not reused: the reader would take the new one for a receipt it has.
    receipts.sweep(Number.MAX_SAFE_INTEGER);
    receipts.claim({ idempotencyKey: 'd', digest: 'd' }, BILLING, 1);
    expect(keysBehind(second.next).keys).toEqual(['d']);
  });

  it('[RT40] are bounded in number, adopted ones included: the last changed remain', () => {
    const sql = new NodeSql();
    migrate(sql, SHARD_SCHEMA);
    const receipts = new ReceiptStore(sql);
    receipts.claim({ idempotencyKey: 'old', digest: 'd' }, BILLING, 1);
    receipts.claim({ idempotencyKey: 'newer', digest: 'd' }, BILLING, 1);
    sql.sql.exec("UPDATE receipts SET turn = ? WHERE key = 'newer'", INDEX_LIMITS.upsertReceiptsMaxCount);
    receipts.adopt([receipt([{ ...WHOLE, lsn: 1 }])]);
    expect(receipts.find('old')).toBe(undefined);
    for (const key of ['newer', 'k']) expect(receipts.find(key)).toBeDefined();
  });

  it('[RT41] of requests without a key are bounded separately: they evict no others', () => {
    const sql = new NodeSql();
    migrate(sql, SHARD_SCHEMA);
    const receipts = new ReceiptStore(sql);
    const own = (at: number) => ({ idempotencyKey: ownKey(`r${at}`), digest: '' });
    const part = { parts: 8, part: 1, lsn: 1 };
    receipts.claim(REQUEST, BILLING, 1_000);
    sql.transactionSync(() => {
      for (let at = 0; at <= INDEX_LIMITS.ownReceiptsMaxCount; at++) receipts.add(own(at), part, null, 1_000 + at);
    });
    expect(receipts.find(own(0).idempotencyKey)).toBe(undefined);
    expect(receipts.find(own(1).idempotencyKey)).toMatchObject({ digest: '', done: [part], billing: null });
    expect(receipts.find(REQUEST.idempotencyKey)).toBeDefined();
    // Readers that take receipts over get both kinds, in one order.
    expect(receipts.behind(0, 2).receipts.map(({ idempotencyKey }) => idempotencyKey)).toEqual(['k', ownKey('r1')]);
    const ownEndMs = 1_001 + INDEX_LIMITS.ownReceiptTtlMs;
    expect(receipts.sweep(ownEndMs)).toBe(ownEndMs + 1);
    expect(receipts.find(own(1).idempotencyKey)).toBeDefined();
    expect(receipts.sweep(ownEndMs + 1)).toBe(ownEndMs + 2);
    expect(receipts.find(own(1).idempotencyKey)).toBe(undefined);
    expect(receipts.sweep(1_000 + INDEX_LIMITS.upsertReceiptTtlMs)).toBe(1_001 + INDEX_LIMITS.upsertReceiptTtlMs);
    expect(receipts.sweep(1_001 + INDEX_LIMITS.upsertReceiptTtlMs)).toBe(undefined);
  });

  it('[RT41] of whole writes are kept for keys of callers only, not for those of the gateway', () => {
    const store = new VectorStore(new NodeSql());
    store.create({ indexId: 'ix_1' as IndexId, dimensions: 1, metric: 'dot' });
    const writeUnder = (idempotencyKey: string, id: string) => {
      const batch = {
        ids: [id],
        namespaces: [''],
        values: Float32Array.of(1),
        metadata: [null],
        texts: [null],
        indexId: 'ix_1' as IndexId,
      };
      return store.upsert({ ...batch, repetition: { idempotencyKey, digest: 'd' } }, store.header()!, [], 5).written;
    };
    expect(writeUnder('k', 'a')).toHaveProperty('billing');
    expect(writeUnder(ownKey('r'), 'b')).toEqual({ count: 1, lsn: 2 });
    expect(store.receipts.behind(0, 9).receipts.map(({ idempotencyKey }) => idempotencyKey)).toEqual(['k']);
  });
});

it('[RT40] receipts go to the locator that claims their key, and to those of their parts', () => {
  const home = locatorOf('', 'k', 8);
  const targets = (done: Receipt['done'], billing: Receipt['billing'] = null, locators = 8) =>
    [...receiptsByLocator([receipt(done, billing)], locators).keys()].toSorted((a, b) => a - b);
  expect(targets([{ ...WHOLE, lsn: 1 }])).toEqual([home]);
  expect(targets([])).toEqual([home]);
  const part = (home + 1) % 8;
  expect(targets([{ parts: 8, part, lsn: 1 }])).toEqual([part]);
  expect(targets([{ parts: 8, part, lsn: 1 }], BILLING)).toEqual([home, part].toSorted((a, b) => a - b));
  expect(targets([{ parts: 8, part: 1, lsn: 1 }], null, 3)).toEqual([0, 1, 2]);
});

describe('receipts of earlier versions', () => {
  /** A database without a schema's last steps, from the first of receipts by parts on. */
  const before = (schema: typeof SHARD_SCHEMA, steps: number): NodeSql => {
    const sql = new NodeSql();
    migrate(sql, schema.slice(0, -steps));
    return sql;
  };

  it('[RT40] of a shard stand for whole requests, billed as before', () => {
    const sql = before(SHARD_SCHEMA, 4);
    sql.sql.exec("INSERT INTO shard (index_id, dimensions, metric, lsn, count) VALUES ('ix_old', 1, 'dot', 7, 0)");
    sql.sql.exec("INSERT INTO receipts (key, digest, lsn, count, at_ms) VALUES ('k', 'd', 6, 40, 123)");
    const store = new VectorStore(sql);
    expect(store.header()).toMatchObject({ lsn: 7 });
    expect(store.receipts.find(REQUEST.idempotencyKey)).toEqual({
      ...receipt([{ ...WHOLE, lsn: 6 }], { usageId: 'ix_old:6', tokens: 0, cachedTokens: 0 }),
      atMs: 123,
    });
  });

  it('[RT40] of a locator stand for its part, and its claims stay claims', () => {
    const part = { parts: 8, part: 5 };
    const sql = before(locatorSchema(part), 2);
    sql.sql.exec("INSERT INTO receipts (key, digest, lsn, count, at_ms) VALUES ('k', 'd', 6, 40, 123)");
    sql.sql.exec("INSERT INTO claims VALUES ('k', 'd', NULL, NULL, 100), ('claimed', 'e', NULL, NULL, 101)");
    const store = new SqliteLocatorStore(sql, part);
    expect(store.receipt(REQUEST)).toEqual({ ...receipt([{ ...part, lsn: 6 }]), atMs: 123 });
    expect(store.claim({ idempotencyKey: 'claimed', digest: 'f' }, BILLING, 500)).toMatchObject({ digest: 'e', done: [], atMs: 101 });
  });
});
