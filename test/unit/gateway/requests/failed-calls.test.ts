import { expect, it } from 'vitest';

import { countedStatus } from '../../../../src/contract/api/errors.ts';
import { brokenBy, LoggedCall } from '../../../../src/gateway/requests/logged-call.ts';
import type { LogEntry } from '../../../../src/upstreams/log/log-entry.ts';
import { SqliteRequestLog } from '../../../../src/upstreams/log/request-log-store.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';
import { targetOf } from '../../../support/upstreams/target.ts';
import { principal } from '../../../support/worlds/memory-cache-world.ts';

const NOW = 1_000_000_000;
const SETTLED = { inputTokens: 10, cachedTokens: 0, outputTokens: 2, nano: 100, usage: 'counted', isCapped: false } as const;

/** The entry of a stream, which a code ended or which is whole. */
function entryOf(id: string, code?: 'upstream_failed' | 'guardrail_blocked'): LogEntry {
  const entries: LogEntry[] = [];
  const logging = { wantsBodies: () => false, note: (entry: LogEntry) => void entries.push(entry) };
  const caller = principal('tn_one', { keyId: 'key_a', projectId: 'prj_a' });
  const facts = { surface: 'chat', requestId: id, principal: caller, body: { model: 'm', stream: true }, requestBytes: 1 } as const;
  const logged = new LoggedCall(facts, { logging, clock: { nowMs: () => NOW } });
  const failed = code === undefined ? {} : brokenBy(code);
  logged.ended({ status: 200, target: targetOf(), plan: { groups: [[targetOf()]], reason: 'default' }, attempts: [], ...failed }, SETTLED);
  logged.settled(100);
  return entries[0]!;
}

it('[U192] a stream that breaks off is logged and summed as an error, at what it has cost', () => {
  const entries = [entryOf('whole'), entryOf('broken', 'upstream_failed'), entryOf('blocked', 'guardrail_blocked')];
  expect(entries.map(({ status, code, outputTokens, costNano }) => [status, code, outputTokens, costNano])).toEqual([
    [200, null, 2, 100],
    [502, 'upstream_failed', 2, 100],
    [400, 'guardrail_blocked', 2, 100],
  ]);
  const log = new SqliteRequestLog(new NodeSql());
  log.append({ isolateId: 'a', sequence: 1, redactedFields: [], requests: entries.map((entry) => ({ entry })) }, NOW);
  expect(log.page({ status: 5 }, 10).entries.map(({ id }) => id)).toEqual(['broken']);
  expect(log.lines('model', NOW, NOW + 1, 10)).toMatchObject([{ group: 'm', requests: 3, errors: 2, costNano: 300 }]);
});

it('[U192] counts a call once against each target that was asked and did not answer', () => {
  const attempted = (id: string, more: Partial<LogEntry>): LogEntry => ({ ...entryOf(id), ...more });
  const log = new SqliteRequestLog(new NodeSql());
  const attempt = (upstream: string, more: Partial<LogEntry['attempts'][number]>) => ({ upstream, model: 'gpt', elapsedMs: 1, ...more });
  const [refused, broken, late] = [{ status: 503 }, { fault: 'broken' }, { fault: 'cancelled' }] as const;
  const requests = [
    attempted('fell-back', { target: 'b/gpt', attempts: [attempt('a', refused), attempt('a', broken), attempt('b', { status: 200 })] }),
    attempted('retried', { target: 'a/gpt', attempts: [attempt('a', refused), attempt('a', { status: 200 })] }),
    attempted('hedged', { target: 'b/gpt', attempts: [attempt('b', { status: 200 }), attempt('c', late)] }),
    attempted('failed', { target: 'b/gpt', status: 503, attempts: [attempt('a', refused), attempt('b', refused)] }),
  ].map((entry) => ({ entry }));
  log.append({ isolateId: 'a', sequence: 1, redactedFields: [], requests }, NOW);
  const eventsOf = (target: string) => log.hours('target', target, NOW, 1_000).map(({ valid, answered }) => [valid, answered]);
  expect([eventsOf('a/gpt'), eventsOf('b/gpt'), eventsOf('c/gpt')]).toEqual([[[3, 1]], [[3, 2]], []]);
  expect(log.hours('model', 'm', NOW, 1_000)).toMatchObject([{ valid: 4, answered: 3 }]);
});

it("[U209] an upstream's 429 is summed as what the service lacks, and shown as what its caller got", () => {
  const log = new SqliteRequestLog(new NodeSql());
  const failed = (id: string, status: number, code: string | null): LogEntry => ({ ...entryOf(id), status, code });
  const requests = [
    failed('busy', 429, 'upstream_busy'),
    failed('absent', 404, 'upstream_failed'),
    failed('wrong', 400, 'upstream_rejected'),
    failed('limited', 429, 'rate_limit_exceeded'),
  ].map((entry) => ({ entry }));
  log.append({ isolateId: 'a', sequence: 1, redactedFields: [], requests }, NOW);
  expect(log.hours('model', 'm', NOW, 1_000)).toMatchObject([{ valid: 2, answered: 0 }]);
  expect(log.page({ status: 429 }, 10).entries.map(({ id }) => id)).toEqual(['limited', 'busy']);
  expect(log.lines('model', NOW, NOW + 1, 10)).toMatchObject([{ requests: 4, errors: 4 }]);
  expect([countedStatus(429, 'upstream_busy'), countedStatus(429, 'rate_limit_exceeded'), countedStatus(200, undefined)]).toEqual([
    503, 429, 200,
  ]);
});
