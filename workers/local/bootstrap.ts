import { AdminClient } from './admin-client.ts';

/** What `npm start` sets up: one tenant to try things as, and one pool on this machine. */
export interface Demo {
  readonly adminKey: string;
  readonly apiKey: string;
  readonly tenant: string;
  readonly pool: string;
  readonly agentToken: string;
}

const OWNER = 'demo-team';

/** Makes the demo tenant, its key and the local pool. Idempotent: a restart over the same state answers the same ones. */
export async function bootstrap(url: string, adminKey: string): Promise<Demo> {
  const admin = new AdminClient(url, adminKey);
  const organisation = await admin.create<{ id: string }>('/v1/organisations', { name: 'demo', owner: OWNER }, 'demo-organisation');
  const tenant = await admin.create<{ id: string }>(
    '/v1/tenants',
    { organisation: organisation.id, name: 'demo', owner: OWNER },
    'demo-tenant',
  );
  const key = await admin.create<{ key: string }>('/v1/keys', { tenant: tenant.id, name: 'demo', owner: OWNER }, 'demo-key');
  const pool = await admin.create<{ id: string; agent_token: string }>('/v1/pools', { name: 'local', owner: OWNER }, 'demo-pool');
  return { adminKey, apiKey: key.key, tenant: tenant.id, pool: pool.id, agentToken: pool.agent_token };
}
