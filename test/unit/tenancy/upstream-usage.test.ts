import { describe, expect, it } from 'vitest';

import type { UsageEvent } from '../../../src/contract/api/meter.ts';
import { BILLING_MIGRATIONS, openBillingDatabase } from '../../../src/tenancy/billing/billing-schema.ts';
import { migrate } from '../../../src/kernel/sql/migrate.ts';
import type { QuotaLevel } from '../../../src/tenancy/quota/quota-level.ts';
import { grantedIn } from '../../../src/tenancy/quota/quota-level.ts';
import { openQuotaDatabase, SqliteQuotaStore } from '../../../src/tenancy/quota/quota-store.ts';
import { amountsOf } from '../../../src/tenancy/quota/amounts.ts';
import { take } from '../../../src/tenancy/quota/take.ts';
import { windowStartMs } from '../../../src/tenancy/quota/window.ts';
import { PRICE_BOOK } from '../../../src/tenancy/usage/price-book.ts';
import { SqliteUsageLedger } from '../../../src/tenancy/usage/usage-ledger.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';
import { rule } from '../../support/fakes/memory-quota.ts';
import { idsOf } from '../../support/fakes/tenancy.ts';

const { organisationId, tenantId, projectId } = idsOf(1);
const [EDITION] = PRICE_BOOK as [(typeof PRICE_BOOK)[number]];
const NOW_MS = Date.UTC(2026, 10, 20, 12, 30);
const HOUR = Math.floor(NOW_MS / 3_600_000);
const MONTH_MS = Date.UTC(2026, 10);

const event = (id: string, fields: Partial<UsageEvent>): UsageEvent => ({
  id,
  organisationId,
  tenantId,
  projectId,
  meter: 'requests',
  quantity: 1,
  model: null,
  route: '/v1/chat/completions',
  atMs: NOW_MS,
  ...fields,
});

describe('usage of upstreams', () => {
  it('[T93] is summed by upstream and by model, apart from that of models of the same deployment', () => {
    const storage = new NodeSql();
    openBillingDatabase(storage);
    const ledger = new SqliteUsageLedger(storage);
    ledger.record(
      [
        event('a', { meter: 'upstream_nano', quantity: 40, model: 'openai/gpt-5' }),
        event('b', { meter: 'upstream_nano', quantity: 2, model: 'openai/gpt-5-mini' }),
        event('c', { meter: 'upstream_nano', quantity: 7, model: 'router/openai/gpt-5' }),
        event('d', { model: 'openai/gpt-5' }),
        event('e', { meter: 'embedding_tokens', quantity: 9, model: 'glove-sif-100' }),
        event('f', {}),
      ],
      NOW_MS,
    );
    const sums = (groupBy: readonly ('upstream' | 'model')[]) =>
      ledger
        .sums({ fromMs: NOW_MS - 3_600_000, toMs: NOW_MS + 3_600_000, groupBy }, 100)
        .map(({ group, meter, quantity }) => [group, meter, quantity]);
    expect(sums(['upstream'])).toEqual([
      [{ upstream: '' }, 'embedding_tokens', 9],
      [{ upstream: '' }, 'requests', 1],
      [{ upstream: 'openai' }, 'requests', 1],
      [{ upstream: 'openai' }, 'upstream_nano', 42],
      [{ upstream: 'router' }, 'upstream_nano', 7],
    ]);
    expect(sums(['upstream', 'model'])).toContainEqual([{ upstream: 'openai', model: 'openai/gpt-5-mini' }, 'upstream_nano', 2]);
  });

  it('[T92] joins the sums of a ledger that was stored before there were such meters', () => {
    const storage = new NodeSql();
    migrate(storage, BILLING_MIGRATIONS.slice(0, -1));
    // As stored by 0.6.0.
    storage.sql.exec(
      `INSERT INTO rollups VALUES (${HOUR}, '${tenantId}', '${projectId}', '', 'embedding_tokens', 'glove-sif-100', '/v1/embeddings', '', 50, 1)`,
    );
    storage.sql.exec(`INSERT INTO totals VALUES (${MONTH_MS}, '2026-01-01', '${tenantId}', '${projectId}', 'embedding_tokens', '', 50, 1)`);
    openBillingDatabase(storage);
    const ledger = new SqliteUsageLedger(storage);
    ledger.record([event('a', { meter: 'upstream_nano', quantity: 40, model: 'openai/gpt-5' })], NOW_MS);
    expect(ledger.monthTotals(MONTH_MS, { tenant: tenantId }).map(({ price, meter, quantity }) => [price, meter, quantity])).toEqual([
      ['2026-01-01', 'embedding_tokens', 50],
      ['2026-01-01', 'upstream_nano', 40],
    ]);
  });

  it('[T92] counts in the counters, windows and slices that a quota had before there were such meters', () => {
    const storage = new NodeSql();
    openQuotaDatabase(storage);
    const startsMs = Object.fromEntries(
      (['second', 'minute', 'hour', 'day', 'month'] as const).map((window) => [window, windowStartMs(window, NOW_MS)]),
    );
    // As stored by 0.6.0: by window, what was granted of each counter.
    const stored = { rules: [rule('tokens', 'minute', 100), rule('spend_nano', 'month', 1_000)], rulesSetAtMs: 5, startsMs, buckets: {} };
    const level = { ...stored, granted: { tokens: [60, 60, 60, 60, 60], spend_nano: [0, 0, 600, 600, 600] } };
    storage.sql.exec('INSERT INTO levels VALUES (?, ?)', tenantId, JSON.stringify(level));
    const store = new SqliteQuotaStore(storage);
    const path = store.path([organisationId, tenantId]);
    const asked = (upstream_output_tokens: number, upstream_nano: number) => {
      const need = amountsOf({ upstream_output_tokens, upstream_nano }, EDITION);
      return take(path, { need, draw: need, want: need, returned: [] }, NOW_MS);
    };
    expect(asked(41, 1).decision).toMatchObject({ kind: 'refused', rule: { resource: 'tokens' } });
    expect(asked(1, 401).decision).toMatchObject({ kind: 'refused', rule: { resource: 'spend_nano' } });
    const granted = asked(40, 400);
    expect(granted.decision.kind).toBe('granted');
    const after = granted.path[1]?.level as QuotaLevel;
    expect([grantedIn(after, 'tokens', 'minute'), grantedIn(after, 'spend_nano', 'month')]).toEqual([100, 1_000]);
    // A slice that an isolate was granted before is taken back as what it was.
    const returned = { units: { tokens: 30, spend_nano: 300 }, startsMs: after.startsMs };
    const need = amountsOf({ upstream_input_tokens: 30, upstream_nano: 300 }, EDITION);
    expect(take(granted.path, { need, draw: need, want: need, returned: [returned] }, NOW_MS).decision.kind).toBe('granted');
  });
});
