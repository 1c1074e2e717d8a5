import { describe, expect, it } from 'vitest';

import type { LogEntry } from '../../../src/upstreams/log/log-entry.ts';
import { SqliteRequestLog } from '../../../src/upstreams/log/request-log-store.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';
import { entryOf, LOGGED_AT_MS } from '../../support/fixtures/log-entry.ts';

let sequence = 0;
const append = (log: SqliteRequestLog, entries: readonly LogEntry[]) =>
  log.append(
    { isolateId: 'i', sequence: (sequence += 1), redactedFields: [], requests: entries.map((entry) => ({ entry })) },
    LOGGED_AT_MS,
  );

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
    const lines = log.lines('target', LOGGED_AT_MS, LOGGED_AT_MS + 1, 10);
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
    expect(log.lines('route', LOGGED_AT_MS, LOGGED_AT_MS + 1, 10)).toMatchObject([
      { group: 'r@1', requests: 2, errors: 0, costNano: 1_055, shadowNano: 900 },
    ]);
  });

  it('is what the route cost, its callers counted once, and no shadow makes the route fail', () => {
    const log = new SqliteRequestLog(new NodeSql());
    append(log, entries);
    const costs = log.costs(LOGGED_AT_MS, LOGGED_AT_MS + 1);
    expect(costs).toMatchObject([{ isRouted: true, cache: 'miss', requests: 2, costNano: 1_055 }]);
    expect(log.hours('route', 'r', LOGGED_AT_MS, 1_000)).toMatchObject([{ valid: 2, answered: 2, within: 2 }]);
  });
});
