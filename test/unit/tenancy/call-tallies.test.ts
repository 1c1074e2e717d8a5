import { beforeEach, describe, expect, it, vi } from 'vitest';

import type { CallTally } from '../../../src/contract/tenancy/call-tally.ts';
import { CALL_LATENCIES, callCounter } from '../../../src/contract/tenancy/call-tally.ts';
import type { Endpoint } from '../../../src/contract/api/endpoint.ts';
import { ENDPOINTS } from '../../../src/contract/endpoints.ts';
import { OBJECTIVE_ENDPOINTS } from '../../../src/contract/planning/objective-endpoints.ts';
import { CALL_TALLY_TABLE, SqliteCallTallies } from '../../../src/tenancy/usage/call-tallies.ts';
import { UsageBuffer } from '../../../src/tenancy/usage/usage-buffer.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';
import { idsOf } from '../../support/fakes/tenancy.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = Date.UTC(2026, 10, 10, 12, 30);
const THIS_HOUR = Math.floor(NOW_MS / HOUR_MS);
const { organisationId, tenantId } = idsOf(1);
const OTHER = idsOf(2).tenantId;
const QUERY = 'POST /v1/indexes/:index/query';

const tallyOf = (endpoint: string, counts: CallTally['counts'], atMs = NOW_MS): CallTally => ({
  id: 'any',
  isolateId: 'isolate',
  organisationId,
  tenantId,
  endpoint,
  atMs,
  counts,
});

let storage: NodeSql;
let tallies: SqliteCallTallies;

beforeEach(() => {
  storage = new NodeSql();
  storage.sql.exec(CALL_TALLY_TABLE);
  tallies = new SqliteCallTallies(storage);
});

it('[SL5] a call counts as failed, as answered by its latency, or not at all: its caller was at fault', () => {
  expect([500, 502, 503].map((status) => callCounter(status, 5))).toEqual(['failed', 'failed', 'failed']);
  expect([400, 401, 404, 429, 499].map((status) => callCounter(status, 5))).toEqual(Array(5).fill(undefined));
  expect([200, 202, 304].map((status) => callCounter(status, 120))).toEqual(Array(3).fill(String(CALL_LATENCIES.bucketOf(120))));
});

describe('counts of calls in the ledger', () => {
  it('[SL13] add up by hour, and are within a time to 5 %', () => {
    const counters = [0.4, 50, 99, 100, 104, 106, 900].map((ms) => callCounter(200, ms) ?? '');
    for (const counter of [...counters, 'failed', 'failed']) tallies.record([tallyOf(QUERY, { [counter]: 1 })]);
    tallies.record([tallyOf(QUERY, { failed: 1, 3: 4 }, NOW_MS - HOUR_MS)]);
    const within = (ms: number, fromMs = 0) => tallies.hours(tenantId, QUERY, fromMs, ms);
    expect(within(100)).toEqual([
      { hour: THIS_HOUR - 1, valid: 5, answered: 4, within: 4 },
      { hour: THIS_HOUR, valid: 9, answered: 7, within: 4 },
    ]);
    expect(within(106).at(-1)?.within).toBeGreaterThanOrEqual(6);
    expect(within(90).at(-1)?.within).toBe(2);
    expect(within(100, NOW_MS)).toHaveLength(1);
  });

  it('[SL13] of a Worker that was not there count for every endpoint below its path, and no other', () => {
    tallies.record([
      tallyOf('POST /v1/chat/*', { failed: 3 }),
      tallyOf('POST /v1/jobs/*', { failed: 2 }),
      tallyOf('POST /v1/chat/completions', { 10: 5, failed: 1 }),
      tallyOf('GET /v1/jobs/:job', { 10: 1 }),
    ]);
    const valid = (endpoint: string, of = tenantId) => tallies.hours(of, endpoint, 0, 0).map((hour) => [hour.valid, hour.answered]);
    expect(valid('POST /v1/chat/completions')).toEqual([[9, 5]]);
    expect(valid('POST /v1/jobs')).toEqual([[2, 0]]);
    expect(valid('POST /v1/jobs/:job/embeddings')).toEqual([[2, 0]]);
    expect(valid('GET /v1/jobs/:job')).toEqual([[1, 1]]);
    expect([valid('POST /v1/jobs:plan'), valid('POST /v1/chatter'), valid('POST /v1/chat/completions', OTHER)]).toEqual([[], [], []]);
  });

  it('[SL13] are found by their key: an objective is observed each minute, and reads no other endpoints', () => {
    const asked = vi.spyOn(storage.sql, 'exec');
    tallies.hours(tenantId, QUERY, 0, 0);
    const [query = '', ...bindings] = asked.mock.lastCall ?? [];
    const plan = storage.sql.exec<{ detail: string }>(`EXPLAIN QUERY PLAN ${query}`, ...bindings).toArray();
    expect(plan.map(({ detail }) => detail)).toContainEqual(expect.stringContaining('(tenant=? AND endpoint=? AND hour>?)'));
  });

  it('[SL9] are forgotten when they are old, and go with their tenant', () => {
    const old = Array.from({ length: 5 }, (_, at) => tallyOf(QUERY, { failed: 1 }, NOW_MS - (at + 50) * HOUR_MS));
    tallies.record([...old, tallyOf(QUERY, { failed: 1 }), { ...tallyOf(QUERY, { failed: 1 }), tenantId: OTHER }]);
    expect([tallies.forget(NOW_MS - 10 * HOUR_MS, 3), tallies.countOf(tenantId)]).toEqual([false, 3]);
    expect([tallies.forget(NOW_MS - 10 * HOUR_MS, 3), tallies.countOf(tenantId)]).toEqual([true, 1]);
    tallies.erase(tenantId);
    expect([tallies.countOf(tenantId), tallies.countOf(OTHER)]).toEqual([0, 1]);
  });
});

it('[SL13] an isolate adds its calls up by endpoint and tenant, and reports each sum once with the usage', () => {
  const buffer = new UsageBuffer('isolate', () => expect.fail('there is room'));
  const count = (endpoint: string, counter: string, tenant = tenantId, atMs = 1) =>
    buffer.tally(endpoint, { organisationId, tenantId: tenant, endpoint, atMs, counts: { [counter]: 1 } });
  for (const counter of ['7', '7', 'failed']) count(QUERY, counter);
  count(QUERY, '9', tenantId, 5);
  count('POST /v1/embeddings', '7');
  count(QUERY, '7', OTHER);
  const [batch] = buffer.batches();
  expect(batch?.tallies).toMatchObject([
    { id: 'isolate/t:0', tenantId, endpoint: QUERY, atMs: 5, counts: { 7: 2, 9: 1, failed: 1 } },
    { id: 'isolate/t:1', endpoint: 'POST /v1/embeddings', counts: { 7: 1 } },
    { id: 'isolate/t:2', tenantId: OTHER, counts: { 7: 1 } },
  ]);
  count(QUERY, '7');
  expect(buffer.batches().at(-1)?.tallies).toMatchObject([{ id: 'isolate/t:3', counts: { 7: 1 } }]);
});

it('[SL14] objectives are of calls that exist, and of all that meter something', () => {
  const endpoints = Object.values<Endpoint>(ENDPOINTS);
  const nameOf = ({ method, path }: Endpoint): string => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`;
  const served = new Set(endpoints.map(nameOf));
  expect(OBJECTIVE_ENDPOINTS.filter((name) => !served.has(name))).toEqual([]);
  const metered = endpoints.filter(({ meters }) => meters.length > 0).map(nameOf);
  expect(metered.length).toBeGreaterThan(30);
  expect(metered.filter((name) => !OBJECTIVE_ENDPOINTS.includes(name))).toEqual([]);
});
