import { expect, it } from 'vitest';

import { API_LIMITS } from '../../src/contract/api/api-limits.ts';
import { HTTP, load, rawRequest, statusOf } from '../bench/load.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const server = sharedDeployment();
const [url = ''] = server.urls;
const port = Number(new URL(url).port);

const embed = (apiKey: string) => (number: number) =>
  rawRequest({ method: 'POST', path: '/v1/embeddings', apiKey, body: { model: 'glove-sif-100', input: `weir ${number}` } });

it('[G88] callers that are refused and come again at once are refused at a pace, and others are served', async () => {
  const spent = await createTenant(server, { quota: { requests: { minute: 1 } } });
  const other = await createTenant(server);
  expect((await spent.client.get('/v1/models')).status).toBe(200);
  const returns = new Set<string>();
  let refused = 0;
  const over = Promise.withResolvers<void>();
  const startedMs = performance.now();
  const rude = load({
    ...HTTP,
    port,
    connections: 150,
    requestsMax: Number.POSITIVE_INFINITY,
    durationS: 60,
    cutOff: over.promise,
    request: embed(spent.client.apiKey),
    onAnswer: (_, answer) => {
      if (statusOf(answer) === 429) refused += 1;
      returns.add(/\r\nretry-after-ms: (\d+)/.exec(answer.toString('latin1'))?.[1] ?? '');
    },
  });
  const served = await load({ ...HTTP, port, connections: 4, requestsMax: 200, durationS: 60, request: embed(other.client.apiKey) });
  const elapsedS = (performance.now() - startedMs) / 1_000;
  const refusedMeanwhile = refused;
  over.resolve();
  await rude;
  expect(served).toMatchObject({ requests: 200, failures: 0 });
  // Those refused together do not come back together.
  expect(returns.size).toBeGreaterThan(20);
  expect(refusedMeanwhile).toBeGreaterThanOrEqual(API_LIMITS.refusalBurstMaxCount);
  const paced = elapsedS * API_LIMITS.refusalsPerSMinCount + served.requests / API_LIMITS.servedPerRefusalCount;
  // Others of this deployment are served at the same time.
  expect(refusedMeanwhile).toBeLessThan(API_LIMITS.refusalBurstMaxCount + 2 * paced + 50);
});
