import { describe, expect, it } from 'vitest';

import type { KeyId, ProjectId, TenantId } from '../../../src/kernel/ids.ts';
import type { LogEntry } from '../../../src/upstreams/log/log-entry.ts';
import { SqliteRequestLog } from '../../../src/upstreams/log/request-log-store.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';

const TENANT = 'ten_a' as TenantId;
const DAY_MS = 86_400_000;
const NOW = 100 * DAY_MS;

const entryOf = (id: string, more: Partial<LogEntry> = {}): LogEntry => ({
  id,
  tenantId: TENANT,
  projectId: 'prj_a' as ProjectId,
  keyId: 'key_a' as KeyId,
  atMs: NOW,
  surface: 'chat',
  model: 'gpt',
  route: null,
  target: 'acme/gpt-4o',
  attempts: [],
  status: 200,
  code: null,
  isStream: false,
  usage: 'reported',
  inputTokens: 10,
  cachedTokens: 0,
  outputTokens: 5,
  costNano: 100,
  firstTokenMs: 20,
  totalMs: 40,
  cache: 'miss',
  metadata: {},
  requestBytes: 1,
  answerBytes: 1,
  ...more,
});

let sequence = 0;
const append = (log: SqliteRequestLog, entries: readonly LogEntry[]) =>
  log.append({ isolateId: 'i', sequence: (sequence += 1), redactedFields: [], requests: entries.map((entry) => ({ entry })) }, NOW);

describe('[U271] what a cascade spends', () => {
  const beside = { target: 'lab/student', inputTokens: 7, cachedTokens: 0, outputTokens: 3, costNano: 30 };
  const entries = [
    entryOf('kept', { route: 'r@1', target: 'lab/student', costNano: 25 }),
    entryOf('escalated', { route: 'r@1', target: 'lab/teacher', costNano: 1_030, besides: [beside] }),
    entryOf('kept-shadow', { route: 'r@1', target: 'lab/teacher', costNano: 900, isShadow: true }),
    entryOf('failed-shadow', { route: 'r@1', target: 'lab/teacher', costNano: 0, isShadow: true, status: 502 }),
  ];

  it('is under the target that was charged, and shadows are apart', () => {
    const log = new SqliteRequestLog(new NodeSql());
    append(log, entries);
    const lines = log.lines('target', NOW, NOW + 1, 10);
    expect(lines.find(({ group }) => group === 'lab/student')).toMatchObject({
      requests: 1,
      costNano: 55,
      besides: 1,
      besidesNano: 30,
      inputTokens: 17,
      shadows: 0,
    });
    expect(lines.find(({ group }) => group === 'lab/teacher')).toMatchObject({
      requests: 1,
      errors: 0,
      costNano: 1_000,
      besides: 0,
      shadows: 2,
      shadowNano: 900,
    });
    expect(log.lines('route', NOW, NOW + 1, 10)).toMatchObject([
      { group: 'r@1', requests: 2, errors: 0, costNano: 1_055, shadowNano: 900 },
    ]);
  });

  it('is what the route cost, its callers counted once, and no shadow makes the route fail', () => {
    const log = new SqliteRequestLog(new NodeSql());
    append(log, entries);
    const costs = log.costs(NOW, NOW + 1);
    expect(costs).toMatchObject([{ isRouted: true, cache: 'miss', requests: 2, costNano: 1_055 }]);
    expect(log.hours('route', 'r', NOW, 1_000)).toMatchObject([{ valid: 2, answered: 2, within: 2 }]);
  });
});
