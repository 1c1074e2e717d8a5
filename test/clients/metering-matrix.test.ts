import { beforeAll, describe, expect, it } from 'vitest';

import { PATH_PARAMS } from '../../src/contract/api/endpoint.ts';
import type { Endpoint } from '../../src/contract/api/endpoint.ts';
import type { EndpointName } from '../../src/contract/endpoints.ts';
import { ENDPOINTS } from '../../src/contract/endpoints.ts';
import { SCOPES } from '../../src/contract/api/principal.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { SAMPLE_BODIES } from '../support/fixtures/sample-bodies.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';

// Calls every route of tenants, also without success, and compares with the ledger. The table of endpoints says what to call.

const ROUTES = (Object.entries(ENDPOINTS) as [EndpointName, Endpoint][]).filter(([, { access }]) => access.kind.startsWith('tenant'));
const CALLS = 2;

const server = sharedDeployment();
let tenant: TestTenant;
const owned: Record<string, string> = { model: 'glove-sif-100', index: 'metered', alias: 'other', period: '2026-11' };

beforeAll(async () => {
  tenant = await createTenant(server, { scopes: SCOPES });
  Object.assign(owned, { key: tenant.keyId, tenant: tenant.id, organisation: tenant.organisation });
});

const send = (name: EndpointName, { method, path, body }: Endpoint, client: ApiClient) =>
  client.call(
    method,
    path.replaceAll(PATH_PARAMS, (_, parameter: string) => owned[parameter] ?? 'missing'),
    body.kind === 'none' ? undefined : SAMPLE_BODIES[name]?.(owned),
  );

describe('the ledger', () => {
  it('[T51] has every call of every route, successful or not, and nothing else', async () => {
    // Without the routes that end the tenant's own key: other tests call them.
    const routes = ROUTES.filter(([name]) => name !== 'revokeKey' && name !== 'rotateKey');
    const sent: Record<string, number> = {};
    const statuses = new Set<number>();
    for (const [name, endpoint] of routes) {
      for (let call = 0; call < CALLS; call++) {
        const { status } = await send(name, endpoint, new ApiClient(server.urls[call % 2]!, tenant.client.apiKey));
        statuses.add(status);
        expect(status, name).toBeLessThan(500);
        sent[endpoint.path] = (sent[endpoint.path] ?? 0) + 1;
      }
    }
    // Each batch of messages calls its one line, as its caller would.
    sent['/v1/messages'] = (sent['/v1/messages'] ?? 0) + CALLS;
    // Both successes and refusals are among the answers; otherwise the test would prove little.
    expect([200, 201, 400, 404].filter((status) => !statuses.has(status))).toEqual([]);
    const admin = new ApiClient(server.urls[0]!, server.secrets.SLUICE_ADMIN_KEY);
    const counted = async (): Promise<Record<string, number>> => {
      const { body } = await admin.get(`/v1/usage?tenant=${tenant.id}&group_by=route,key`);
      const counts: Record<string, number> = {};
      for (const { meter, route, quantity, key } of body.data) {
        expect(key).toBe(tenant.keyId);
        if (meter === 'requests') counts[route] = quantity;
      }
      return counts;
    };
    await expect.poll(counted, { interval: 200 }).toEqual(sent);
  });
});
