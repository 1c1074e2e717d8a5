import { expect, it } from 'vitest';

import type { ReuseReport } from '../../../../src/gateway/completions/completion-call.ts';
import { LoggedCall } from '../../../../src/gateway/requests/logged-call.ts';
import type { LogEntry } from '../../../../src/upstreams/log/log-entry.ts';
import { SqliteRequestLog } from '../../../../src/upstreams/log/request-log-store.ts';
import type { Plan } from '../../../../src/upstreams/target.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';
import { targetOf } from '../../../support/upstreams/target.ts';
import { principal } from '../../../support/worlds/memory-cache-world.ts';

const NOW = 1_000_000_000;
const [CHEAP, DEAR] = [
  targetOf(),
  targetOf({ upstreamId: 'up_2', model: { prices: { inputNano: 50_000_000, outputNano: 0, requestNano: 0 } } }),
];
const PLAN: Plan = { groups: [[CHEAP], [DEAR]], route: { name: 'desk', version: 2 }, reason: 'default' };
const SETTLED = { inputTokens: 10, cachedTokens: 0, outputTokens: 0, nano: 100, usage: 'reported', isCapped: false } as const;
const FREE = { ...SETTLED, inputTokens: 0, nano: 0 };

/** The entry of a call. `besidesNano`: what other models were charged for it. */
function entryOf(id: string, reuse: ReuseReport | undefined, { hit, besidesNano }: { hit: boolean; besidesNano: number }): LogEntry {
  const entries: LogEntry[] = [];
  const logging = { wantsBodies: () => false, note: (entry: LogEntry) => void entries.push(entry) };
  const facts = {
    surface: 'chat',
    requestId: id,
    principal: principal('tn_one', { keyId: 'key_a', projectId: 'prj_a' }),
    body: { model: 'desk' },
    requestBytes: 1,
  } as const;
  const logged = new LoggedCall(facts, { logging, clock: { nowMs: () => NOW } });
  const served = {
    status: 200,
    target: CHEAP,
    plan: PLAN,
    attempts: [],
    besides: [{ target: DEAR, settlement: { ...FREE, nano: besidesNano } }],
    ...(reuse === undefined ? {} : { reuse }),
  };
  logged.ended({ ...served, ...(hit ? { cache: 'hit', savedNano: 100 } : { cache: 'miss' }) }, hit ? FREE : SETTLED);
  logged.settled(0);
  return entries[0]!;
}

const VERIFIED = entryOf('verified', { outcome: 'verified', spentNano: 30, besidesNano: 10 }, { hit: true, besidesNano: 10 });
const REJECTED = entryOf('rejected', { outcome: 'rejected', spentNano: 30, besidesNano: 10 }, { hit: false, besidesNano: 10 });
const EXACT = entryOf('exact', undefined, { hit: true, besidesNano: 0 });
const PLAIN = entryOf('plain', undefined, { hit: false, besidesNano: 0 });

it('[U183] an entry says how the answer was reused, and what finding it has cost lowers that saving', () => {
  expect([VERIFIED, REJECTED, EXACT, PLAIN].map(({ reuse }) => reuse)).toEqual(['verified', 'none', 'exact', 'none']);
  expect(VERIFIED.savings).toEqual({ cacheNano: 0, reuseNano: 70, routeNano: 0, promptNano: 0 });
  // The dear target would have charged 500 for the tokens.
  expect(REJECTED.savings).toEqual({ cacheNano: 0, reuseNano: -30, routeNano: 400, promptNano: 0 });
  expect(EXACT.savings).toEqual({ cacheNano: 100, reuseNano: 0, routeNano: 0, promptNano: 0 });
  expect(PLAIN.savings).toEqual({ cacheNano: 0, reuseNano: 0, routeNano: 400, promptNano: 0 });
});

it('[U183] requests are found by how their answers were reused, and summed by route', () => {
  const log = new SqliteRequestLog(new NodeSql());
  const requests = [VERIFIED, REJECTED, EXACT, PLAIN].map((entry) => ({ entry }));
  log.append({ isolateId: 'a', sequence: 1, redactedFields: [], requests }, NOW);
  const found = (reuse: string) => log.page({ reuse }, 10).entries.map(({ id }) => id);
  expect(['verified', 'exact', 'none', 'candidate'].map(found)).toEqual([['verified'], ['exact'], ['plain', 'rejected'], []]);
  expect(log.lines('route', NOW, NOW + 1, 10)).toMatchObject([{ group: 'desk@2', requests: 4, cacheHits: 2, reused: 1, reuseNano: 40 }]);
});
