import { expect, it } from 'vitest';

import type { TargetHealth } from '../../../../src/upstreams/serving/target-state.ts';
import type { TargetModel } from '../../../../src/upstreams/target.ts';
import { upstreamHealth } from '../../../../workers/gateway/routes/upstreams/upstream-health.ts';

const models = [{ name: 'called' }, { name: 'fresh' }] as unknown as readonly TargetModel[];
const healthOf = (upstreamId: string, model: string, more: Partial<TargetHealth> = {}): TargetHealth => ({
  upstreamId,
  upstream: 'x',
  model,
  breaker: 'open',
  failureShare: 0.5,
  pausedUntilMs: 61_500,
  outstandingCalls: 2,
  outstandingTokens: 300,
  firstTokenP95Ms: 40,
  attempts: { failed: 3 } as never,
  ...more,
});

it('[U10] is of the models of that upstream and owner alone, and nothing is known against others', () => {
  const health = [healthOf('tn_1/x', 'called'), healthOf('tn_2/x', 'fresh'), healthOf('platform/x', 'fresh'), healthOf('tn_1/x', 'gone')];
  const nothing = {
    address: null,
    breaker: 'closed',
    failure_share: null,
    paused_until: null,
    outstanding_calls: 0,
    outstanding_tokens: 0,
    first_token_p95_ms: null,
  };
  expect(upstreamHealth('tn_1', { name: 'x', models }, health, undefined)).toEqual({
    object: 'upstream.health',
    name: 'x',
    models: [
      {
        name: 'called',
        address: null,
        breaker: 'open',
        failure_share: 0.5,
        paused_until: 61,
        outstanding_calls: 2,
        outstanding_tokens: 300,
        first_token_p95_ms: 40,
        attempts: { failed: 3 },
      },
      { name: 'fresh', ...nothing, attempts: {} },
    ],
  });
  const unpaused = [healthOf('tn_1/x', 'called', { pausedUntilMs: null })];
  expect(upstreamHealth('tn_1', { name: 'x', models }, unpaused, undefined).models[0]?.paused_until).toBeNull();
});

it('[U10] is of each replica by itself, of one that was not called, too', () => {
  const [called, fresh] = ['http://10.0.0.1:9000', 'http://10.0.0.2:9000'].map((url) => ({ url, key: 'k', group: 'tn_1/job_1' }));
  const health = [healthOf('tn_1/x', 'called', { replicaUrl: called!.url }), healthOf('tn_1/x', 'called', { breaker: 'half_open' })];
  const rows = upstreamHealth('tn_1', { name: 'x', models: models.slice(0, 1) }, health, [called!, fresh!]).models;
  expect(rows.map(({ address, breaker }) => [address, breaker])).toEqual([
    [called!.url, 'open'],
    [fresh!.url, 'closed'],
  ]);
});
