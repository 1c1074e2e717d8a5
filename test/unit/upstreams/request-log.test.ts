import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { REQUEST_LOG_LIMITS } from '../../../src/contract/requests/request-log-limits.ts';
import type { KeyId, TenantId } from '../../../src/kernel/ids.ts';
import { DAY_MS } from '../../../src/kernel/time-units.ts';
import { hasTable } from '../../../src/kernel/sql/migrate.ts';
import { LOG_LATENCIES, quantileMs } from '../../../src/upstreams/log/log-sums.ts';
import type { Feedback, LogEntry } from '../../../src/upstreams/log/log-entry.ts';
import type { LogPolicy } from '../../../src/upstreams/log/log-policy.ts';
import { DEFAULT_POLICY, keptOf } from '../../../src/upstreams/log/log-policy.ts';
import { redacted } from '../../../src/upstreams/log/redaction.ts';
import { RequestLogBuffer } from '../../../src/upstreams/log/request-log-buffer.ts';
import { SqliteRequestLog } from '../../../src/upstreams/log/request-log-store.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';
import { entryOf, LOG_TENANT, LOGGED_AT_MS } from '../../support/fixtures/log-entry.ts';

const opinion = (more: Partial<Feedback> = {}): Feedback => ({
  name: 'helpful',
  keyId: 'key_a' as KeyId,
  score: 1,
  label: null,
  comment: null,
  version: null,
  atMs: LOGGED_AT_MS,
  ...more,
});

let sequence = 0;
const append = (log: SqliteRequestLog, entries: readonly LogEntry[], bodies?: { request: string; answer: string }) =>
  log.append(
    {
      isolateId: 'i',
      sequence: (sequence += 1),
      redactedFields: ['email'],
      requests: entries.map((entry) => ({ entry, ...(bodies === undefined ? {} : { bodies }) })),
    },
    LOGGED_AT_MS,
  );
const idsOf = (log: SqliteRequestLog, ...args: Parameters<SqliteRequestLog['page']>): string[] =>
  log.page(...args).entries.map(({ id }) => id);
const policyOf = (more: Partial<LogPolicy>): LogPolicy => ({ ...DEFAULT_POLICY, ...more });

describe('the log of requests', () => {
  it('[U130] takes a batch once, however often it arrives, and opens again with it', () => {
    const sql = new NodeSql();
    const log = new SqliteRequestLog(sql);
    const batch = { isolateId: 'a', sequence: 3, redactedFields: [], requests: [{ entry: entryOf('r1') }] };
    log.append(batch, LOGGED_AT_MS);
    log.append(batch, LOGGED_AT_MS);
    log.append({ isolateId: 'a', sequence: 2, redactedFields: [], requests: [{ entry: entryOf('r0') }] }, LOGGED_AT_MS);
    log.append({ isolateId: 'b', sequence: 1, redactedFields: [], requests: [{ entry: entryOf('r2') }] }, LOGGED_AT_MS);
    const again = new SqliteRequestLog(sql);
    expect(idsOf(again, {}, 10)).toEqual(['r2', 'r1']);
    expect(again.lines('model', 0, 2 * LOGGED_AT_MS, 10)).toMatchObject([{ group: 'gpt', requests: 2, costNano: 200, inputTokens: 20 }]);
  });

  it('[SL5] sums by hour what counts, was answered and was answered in time, of all versions', () => {
    const log = new SqliteRequestLog(new NodeSql());
    const statuses = [200, 200, 404, 502, 429];
    append(
      log,
      statuses.map((status, at) => entryOf(`r${at}`, { status, route: `support@${at + 1}`, totalMs: at === 0 ? 10 : 5_000 })),
    );
    append(log, [entryOf('other', { route: 'support-two@1' }), entryOf('old', { route: 'support@1', atMs: LOGGED_AT_MS - DAY_MS })]);
    const hour = LOGGED_AT_MS / 3_600_000;
    expect(log.hours('route', 'support', LOGGED_AT_MS, 1_000)).toEqual([{ hour, valid: 3, answered: 2, within: 1 }]);
    expect(log.hours('route', 'support@2', LOGGED_AT_MS, 6_000)).toEqual([{ hour, valid: 1, answered: 1, within: 1 }]);
    expect(log.hours('target', 'acme/gpt-4o', LOGGED_AT_MS - DAY_MS, 1)).toHaveLength(2);
    expect(new SqliteRequestLog(new NodeSql()).hours('route', 'support', 0, 1)).toEqual([]);
  });

  it('[U137] sums the requests of a batch that are alike, and keeps apart those that are not', () => {
    const log = new SqliteRequestLog(new NodeSql());
    append(log, [entryOf('a'), entryOf('b', { totalMs: 400 }), entryOf('c', { model: 'other' }), entryOf('d', { status: 500 })]);
    const [gpt, other] = log.lines('model', LOGGED_AT_MS, LOGGED_AT_MS + 1, 10);
    expect([gpt, other]).toMatchObject([{ group: 'gpt', requests: 3, errors: 1, costNano: 300 }, { requests: 1 }]);
    expect([gpt?.total, gpt?.firstToken].map((counts) => Object.values(counts ?? {}))).toEqual([[1, 1], [2]]);
  });

  it('[U131] keeps what the policy says, by the id alone, and sums also what it does not keep', () => {
    const ids = Array.from({ length: 20_000 }, (_, i) => `req_${i}`);
    const sampled = policyOf({ entries: 'full', bodies: 'sampled', samplePpm: 100_000 });
    const share = ids.filter((id) => keptOf(sampled, id).bodies).length / ids.length;
    expect(share).toBeGreaterThan(0.09);
    expect(share).toBeLessThan(0.11);
    expect(ids.some((id) => keptOf(policyOf({ entries: 'off', bodies: 'full' }), id).bodies)).toBe(false);

    const log = new SqliteRequestLog(new NodeSql());
    log.setPolicy(policyOf({ entries: 'sampled', samplePpm: 0 }), LOGGED_AT_MS);
    append(log, [entryOf('r1')], { request: 'q', answer: 'a' });
    expect(log.count()).toBe(0);
    expect(log.lines('model', 0, 2 * LOGGED_AT_MS, 10)).toMatchObject([{ requests: 1 }]);
    log.setPolicy(policyOf({ entries: 'off' }), LOGGED_AT_MS);
    append(log, [entryOf('r2')]);
    expect(log.lines('model', 0, 2 * LOGGED_AT_MS, 10)).toMatchObject([{ requests: 1 }]);
    log.setPolicy(policyOf({ bodies: 'full' }), LOGGED_AT_MS);
    append(log, [entryOf('r3')], { request: 'q', answer: 'a' });
    expect(log.find('r3')).toMatchObject({ entry: { id: 'r3' }, bodies: { request: 'q', answer: 'a' } });
    // An isolate that does not know the policy yet may send bodies: the log drops them.
    log.setPolicy(policyOf({ bodies: 'off' }), LOGGED_AT_MS);
    append(log, [entryOf('r4')], { request: 'q', answer: 'a' });
    expect(log.find('r4')?.bodies).toBeUndefined();
  });

  it('[U132] takes no body that was redacted by an older policy', () => {
    const log = new SqliteRequestLog(new NodeSql());
    const policy = policyOf({ bodies: 'full', redactFields: ['email', 'phone'] });
    log.setPolicy(policy, LOGGED_AT_MS);
    expect(append(log, [entryOf('a')], { request: 'q', answer: 'a' })).toEqual({ ok: true, value: { isTaken: false, policy } });
    expect(log.count()).toBe(0);
    expect(append(log, [entryOf('b')])).toMatchObject({ value: { isTaken: true } });
    log.setPolicy(policyOf({ bodies: 'full', redactFields: ['email'] }), LOGGED_AT_MS);
    expect(append(log, [entryOf('c')], { request: 'q', answer: 'a' })).toMatchObject({ value: { isTaken: true } });
  });

  it('[U133] finds by each filter and by all of them, newest first, page by page', () => {
    const log = new SqliteRequestLog(new NodeSql());
    append(log, [
      entryOf('a', { route: 'r@1', status: 429, costNano: 5, atMs: LOGGED_AT_MS - 5 }),
      entryOf('b', { route: 'r@2', keyId: 'key_b' as KeyId }),
      entryOf('c', { route: 'rr@1', model: 'claude', target: 'acme-eu/gpt-4o', cache: 'hit' }),
      entryOf('d'),
    ]);
    log.addFeedback('d', opinion());
    const found = (filter: Parameters<SqliteRequestLog['page']>[0]): string => idsOf(log, filter, 10).join('');
    expect(found({})).toBe('dcba');
    expect(found({ id: 'b' })).toBe('b');
    expect(found({ route: 'r' })).toBe('ba');
    expect(found({ route: 'r@1' })).toBe('a');
    expect(found({ target: 'acme' })).toBe('dba');
    expect(found({ target: 'acme-eu/gpt-4o' })).toBe('c');
    expect(found({ model: 'claude' })).toBe('c');
    expect(found({ status: 4 })).toBe('a');
    expect(found({ status: 429 })).toBe('a');
    expect(found({ keyId: 'key_b' })).toBe('b');
    expect(found({ costNanoMin: 6 })).toBe('dcb');
    expect(found({ costNanoMax: 5 })).toBe('a');
    expect(found({ fromMs: LOGGED_AT_MS })).toBe('dcb');
    expect(found({ toMs: LOGGED_AT_MS })).toBe('a');
    expect(found({ cache: 'hit' })).toBe('c');
    expect(found({ hasFeedback: true })).toBe('d');
    expect(found({ hasFeedback: false, route: 'r', status: 2 })).toBe('b');

    const first = log.page({}, 3);
    expect(first.entries.map(({ id }) => id)).toEqual(['d', 'c', 'b']);
    expect(idsOf(log, {}, 3, first.before)).toEqual(['a']);
    expect(log.page({}, 4).before).toBeUndefined();
  });

  it('[U133] a page looks at a bounded number of requests and says where to go on', () => {
    const log = new SqliteRequestLog(new NodeSql());
    const count = REQUEST_LOG_LIMITS.requestLogScanMaxCount + 10;
    append(
      log,
      Array.from({ length: count }, (_, i) => entryOf(`r${i}`, { model: i === 3 ? 'rare' : 'gpt' })),
    );
    const first = log.page({ model: 'rare' }, 5);
    expect(first.entries).toEqual([]);
    expect(first.before).toBeGreaterThan(0);
    const second = log.page({ model: 'rare' }, 5, first.before);
    expect(second.entries.map(({ id }) => id)).toEqual(['r3']);
    expect(second.before).toBeUndefined();
  });

  it('[U134] takes away what is older than the retention, then the oldest beyond its bytes', () => {
    const log = new SqliteRequestLog(new NodeSql());
    append(log, [entryOf('old', { atMs: LOGGED_AT_MS - 31 * DAY_MS }), entryOf('new')]);
    expect(idsOf(log, {}, 10)).toEqual(['new']);
    expect(log.nextExpiryMs()).toBe(LOGGED_AT_MS + 30 * DAY_MS);
    log.setPolicy(policyOf({ retentionDays: 1 }), LOGGED_AT_MS + 2 * DAY_MS);
    expect(log.count()).toBe(0);
    expect(log.heldBytes()).toBe(0);
    expect(log.lines('model', 0, 2 * LOGGED_AT_MS, 10)).toEqual([]);

    const small = new SqliteRequestLog(new NodeSql(), 100_000);
    small.setPolicy(policyOf({ bodies: 'full' }), LOGGED_AT_MS);
    for (const id of ['1', '2', '3', '4']) append(small, [entryOf(id)], { request: 'x'.repeat(30_000), answer: '' });
    expect(idsOf(small, {}, 10)).toEqual(['4', '3', '2']);
    expect(small.find('1')).toBeUndefined();
    expect(small.heldBytes()).toBeLessThanOrEqual(100_000);
  });

  it('[U135] one opinion a name and key, a bounded number, none on a request that is not there', () => {
    const log = new SqliteRequestLog(new NodeSql());
    append(log, [entryOf('r')]);
    log.addFeedback('r', opinion({ score: 0 }));
    log.addFeedback('r', opinion({ score: 0.5 }));
    log.addFeedback('r', opinion({ score: 1, keyId: null }));
    expect(
      log
        .find('r')
        ?.feedback.map(({ score }) => score)
        .sort(),
    ).toEqual([0.5, 1]);
    expect(log.lines('model', 0, 2 * LOGGED_AT_MS, 10)[0]?.feedback).toEqual({ helpful: { count: 2, mean: 0.75 } });
    expect(log.addFeedback('absent', opinion())).toBeUndefined();
    for (let i = 2; i < REQUEST_LOG_LIMITS.requestFeedbackMaxCount; i += 1) log.addFeedback('r', opinion({ name: `n${i}` }));
    expect(log.addFeedback('r', opinion({ name: 'more' }))).toMatchObject({ ok: false, error: { code: 'limit_exceeded' } });
    expect(log.addFeedback('r', opinion({ score: 0.1 }))).toMatchObject({ ok: true });
  });

  it('[U135] callers may name several requests the same: all are kept, and the newest is found', () => {
    const log = new SqliteRequestLog(new NodeSql());
    append(log, [entryOf('same', { status: 500 }), entryOf('same')]);
    expect(log.page({ id: 'same' }, 10).entries.map(({ status }) => status)).toEqual([200, 500]);
    expect(log.find('same')?.entry.status).toBe(200);
    log.addFeedback('same', opinion());
    expect(log.records({ id: 'same' }, 10).records.map(({ feedback }) => feedback.length)).toEqual([1, 0]);
    log.remove({ status: 200 });
    expect(log.find('same')?.entry.status).toBe(500);
  });

  it('[U136] removes by filter with bodies and opinions, and after an erasure takes nothing', () => {
    const sql = new NodeSql();
    const log = new SqliteRequestLog(sql);
    const rowsOf = (table: string) => sql.sql.exec(`SELECT seq FROM ${table}`).toArray().length;
    log.setPolicy(policyOf({ bodies: 'full' }), LOGGED_AT_MS);
    append(log, [entryOf('a', { model: 'x' }), entryOf('b')], { request: 'q', answer: 'a' });
    log.addFeedback('a', opinion());
    expect(log.remove({ model: 'x' })).toEqual({ count: 1 });
    expect(log.find('a')).toBeUndefined();
    expect(idsOf(log, {}, 10)).toEqual(['b']);
    expect([rowsOf('bodies'), rowsOf('feedback')]).toEqual([1, 0]);
    log.addFeedback('b', opinion());
    log.erase();
    expect([log.count(), rowsOf('bodies'), rowsOf('feedback')]).toEqual([0, 0, 0]);
    expect(log.heldBytes()).toBe(0);
    expect(append(log, [entryOf('c')])).toMatchObject({ ok: false, error: { code: 'tenant_suspended' } });
    expect(log.setPolicy(DEFAULT_POLICY, LOGGED_AT_MS)).toMatchObject({ ok: false });
    expect(log.lines('model', 0, 2 * LOGGED_AT_MS, 10)).toEqual([]);
  });

  it('reading a log that was never written creates nothing', () => {
    const sql = new NodeSql();
    const log = new SqliteRequestLog(sql);
    expect([log.page({}, 5), log.find('x'), log.count(), log.policy(), log.nextExpiryMs()]).toEqual([
      { entries: [] },
      undefined,
      0,
      DEFAULT_POLICY,
      undefined,
    ]);
    expect(hasTable(sql, 'entries')).toBe(false);
  });
});

describe('quantiles of latencies', () => {
  it('[U137] are within five percent of the exact ones', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0.2, max: 600_000, noNaN: true }), { minLength: 1, maxLength: 200 }), (all) => {
        const buckets: Record<number, number> = {};
        for (const ms of all) {
          const bucket = LOG_LATENCIES.bucketOf(ms);
          buckets[bucket] = (buckets[bucket] ?? 0) + 1;
        }
        const sorted = [...all].sort((a, b) => a - b);
        for (const share of [0.5, 0.95, 0.99]) {
          const exact = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
          expect(Math.abs(quantileMs(buckets, share)! / exact - 1)).toBeLessThan(0.05);
        }
      }),
    );
    expect(quantileMs({}, 0.5)).toBeUndefined();
  });
});

describe('redaction', () => {
  it('[U132] takes named fields and credentials out of JSON and of streams, and pictures by their size', () => {
    const body = JSON.stringify({
      model: 'm',
      api_key: 'abc',
      messages: [
        { content: 'my key is sk-abcdefghijklmnop1234', Email: 'a@b.c' },
        { image_url: { url: `data:image/png;base64,${'A'.repeat(500)}` } },
      ],
    });
    expect(JSON.parse(redacted(body, ['email']))).toEqual({
      model: 'm',
      api_key: '[redacted]',
      messages: [{ content: 'my key is [redacted]', Email: '[redacted]' }, { image_url: { url: '[image/png, 500 characters of base64]' } }],
    });
    expect(redacted('data: {"password":"p","text":"Bearer abcdefghijklmnopqrst"}\n\ndata: [DONE]\n', [])).toBe(
      'data: {"password":"[redacted]","text":"[redacted]"}\n\ndata: [DONE]\n',
    );
    expect(redacted('-----BEGIN PRIVATE KEY-----\nMIIE', [])).toBe('[redacted]');
    for (const secret of ['sk-abcdefghijklmnop', 'bearer abcdefghijklmnop', 'AKIAABCDEFGHIJKLMNOP', `ghp_${'a'.repeat(30)}`]) {
      expect(JSON.parse(redacted(JSON.stringify({ content: `my keys:\n${secret}\t${secret}` }), []))).toEqual({
        content: 'my keys:\n[redacted]\t[redacted]',
      });
    }
  });

  it('[U132] keeps at most the limit, no half of a character, and nothing of what is too long', () => {
    const kept = redacted('😀'.repeat(REQUEST_LOG_LIMITS.requestLogBodyBytesMax), []);
    expect(new TextEncoder().encode(kept).length).toBeLessThanOrEqual(REQUEST_LOG_LIMITS.requestLogBodyBytesMax + 3);
    expect(kept.isWellFormed()).toBe(true);
    expect(redacted('x'.repeat(REQUEST_LOG_LIMITS.requestLogBodyParsedBytesMax + 1), [])).not.toContain('xx');
  });
});

describe('the requests that wait in an isolate', () => {
  it('[U130] are sent again unchanged until they are taken, one batch of a tenant at a time', () => {
    const buffer = new RequestLogBuffer('i', () => expect.unreachable());
    buffer.add({ entry: entryOf('a') });
    buffer.add({ entry: entryOf('b', { tenantId: 'ten_b' as TenantId }) });
    const [first, other] = buffer.batches();
    buffer.add({ entry: entryOf('c') });
    expect(buffer.batches()).toEqual([first, other]);
    expect(buffer.acknowledge(LOG_TENANT, first!.batch)).toBe(true);
    expect(buffer.acknowledge(LOG_TENANT, first!.batch)).toBe(false);
    const [second] = buffer.batches();
    expect(second?.batch.requests.map(({ entry }) => entry.id)).toEqual(['c']);
    expect(second!.batch.sequence).toBeGreaterThan(first!.batch.sequence);
    expect(buffer.acknowledge(LOG_TENANT, second!.batch)).toBe(false);
    expect(buffer.batches()).toEqual([other]);
  });

  it('[U130] are bounded in bytes, and what finds no room is counted as lost', () => {
    let lost = 0;
    const buffer = new RequestLogBuffer('i', () => (lost += 1));
    const bodies = { request: 'x'.repeat(REQUEST_LOG_LIMITS.requestLogPendingBytesMax / 4), answer: '' };
    buffer.add({ entry: entryOf('a'), bodies });
    buffer.add({ entry: entryOf('b'), bodies });
    expect(lost).toBe(1);
    buffer.acknowledge(LOG_TENANT, buffer.batches()[0]!.batch);
    buffer.add({ entry: entryOf('c'), bodies });
    expect(lost).toBe(1);
  });
});

describe('what requests saved', () => {
  const savings = { cacheNano: 5, reuseNano: 3, routeNano: 7, promptNano: 11 };
  const costsOf = (log: SqliteRequestLog) => log.costs(LOGGED_AT_MS, LOGGED_AT_MS + DAY_MS);

  it('[U151] is summed of all answered requests by hour, route and cache, kept or not', () => {
    const log = new SqliteRequestLog(new NodeSql());
    log.setPolicy(policyOf({ entries: 'sampled', samplePpm: 0 }), LOGGED_AT_MS);
    append(log, [
      entryOf('a', { savings, route: 'r@1', costNano: 1 }),
      entryOf('b', { savings, route: 'r@2', costNano: 2 }),
      entryOf('c', { cache: 'hit', reuse: 'verified', savings, costNano: 4 }),
      entryOf('d', { status: 429, savings, costNano: 8 }),
      entryOf('e', { atMs: LOGGED_AT_MS + DAY_MS, savings }),
    ]);
    expect(costsOf(log)).toEqual([
      { isRouted: false, cache: 'hit', requests: 1, reused: 1, costNano: 4, savings },
      {
        isRouted: true,
        cache: 'miss',
        requests: 2,
        reused: 0,
        costNano: 3,
        savings: { cacheNano: 10, reuseNano: 6, routeNano: 14, promptNano: 22 },
      },
    ]);
  });

  it('[U151] a log from before savings were known opens, and goes on with them', () => {
    const sql = new NodeSql();
    append(new SqliteRequestLog(sql), [entryOf('old', { costNano: 3 })]);
    for (const column of ['cache_saved', 'route_saved', 'prompt_saved', 'reused', 'reuse_saved'])
      sql.sql.exec(`ALTER TABLE sums DROP COLUMN ${column}`);
    sql.sql.exec('ALTER TABLE entries DROP COLUMN reuse; DROP TABLE passed;');
    sql.sql.exec('UPDATE schema_version SET version = 1');
    const log = new SqliteRequestLog(sql);
    append(log, [entryOf('new', { savings, costNano: 4 })]);
    expect(costsOf(log)).toEqual([{ isRouted: false, cache: 'miss', requests: 2, reused: 0, costNano: 7, savings }]);
  });
});
