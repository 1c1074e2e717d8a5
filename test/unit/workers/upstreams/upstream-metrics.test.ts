import { expect, it } from 'vitest';

import { planOf, targetOf, UpstreamWorld } from '../../../support/worlds/upstream-world.ts';
import { metricsText } from '../../../../workers/gateway/pipeline/metrics.ts';
import { upstreamFamilies } from '../../../../workers/gateway/routes/upstreams/upstream-metrics.ts';

it('[U62] shows upstreams of the platform by name, and those of tenants as one', async () => {
  const world = new UpstreamWorld();
  const [a, b, c] = [
    targetOf('a', { upstreamId: 'platform/a', limits: { concurrency: 1 } }),
    targetOf('b', { upstreamId: 'tn_1/b' }),
    targetOf('c', { upstreamId: 'tn_2/c' }),
  ];
  world.script = (upstream) => (upstream === 'c' ? { fault: 'refused' } : { pieces: 2, pieceMs: 1_000 });
  const all = [a, a, b, c, c, c].map((target) => world.send(planOf([target])));
  let text = '';
  world.time.after(500, () => {
    text = metricsText(upstreamFamilies(world.dispatcher.health(), world.dispatcher.waiting));
  });
  await world.run(Promise.all(all));
  expect(text.split('\n')).toEqual(
    expect.arrayContaining([
      '# TYPE sluice_upstream_attempts_total counter',
      'sluice_upstream_outstanding_calls{upstream="a"} 1',
      'sluice_upstream_outstanding_calls{upstream="of-tenants"} 1',
      'sluice_upstream_outstanding_tokens{upstream="of-tenants"} 100',
      'sluice_upstream_targets{upstream="of-tenants",breaker="open"} 1',
      'sluice_upstream_targets{upstream="of-tenants",breaker="closed"} 1',
      'sluice_upstream_waiting_requests{} 1',
    ]),
  );
  expect(text).not.toMatch(/tn_/);
  const after = metricsText(upstreamFamilies(world.dispatcher.health(), world.dispatcher.waiting));
  expect(after).toContain('sluice_upstream_attempts_total{upstream="a",outcome="served"} 2');
  expect(after).toContain('sluice_upstream_outstanding_calls{upstream="a"} 0');
});
