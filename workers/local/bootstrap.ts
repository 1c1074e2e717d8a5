import { DEFAULT_SCOPES } from '../../src/contract/tenancy/keys.ts';
import { SCOPES } from '../../src/contract/api/principal.ts';
import { AdminClient, AdminRefusal } from './admin-client.ts';

/** What `npm start` sets up: one tenant to try things as, and one pool on this machine. */
export interface Demo {
  readonly adminKey: string;
  readonly apiKey: string;
  readonly tenant: string;
  readonly pool: string;
  readonly agentToken: string;
}

const OWNER = 'demo-team';

/** What the demo shows and keys may not do by default, such as registering models. */
const BEYOND_THE_DEFAULT = /^(models|upstreams|prompts|requests|planning):/;

/** Makes the demo tenant, its key and the local pool. Idempotent: a restart over the same state answers the same ones. */
export async function bootstrap(url: string, adminKey: string): Promise<Demo> {
  const admin = new AdminClient(url, adminKey);
  const organisation = await admin.create<{ id: string }>('/v1/organisations', { name: 'demo', owner: OWNER }, 'demo-organisation');
  const tenant = await admin.create<{ id: string }>(
    '/v1/tenants',
    { organisation: organisation.id, name: 'demo', owner: OWNER },
    'demo-tenant',
  );
  const scopes = [...DEFAULT_SCOPES, ...SCOPES.filter((scope) => BEYOND_THE_DEFAULT.test(scope))];
  const key = await admin.create<{ key: string }>('/v1/keys', { tenant: tenant.id, name: 'demo', owner: OWNER, scopes }, 'demo-key-models');
  const pool = await localPool(admin);
  return { adminKey, apiKey: key.key, tenant: tenant.id, pool: pool.id, agentToken: pool.agent_token };
}

interface Pool {
  readonly id: string;
  readonly agent_token: string;
}

/** The pool of this machine; where its first token was replaced meanwhile, with another new one. */
async function localPool(admin: AdminClient): Promise<Pool> {
  try {
    return await admin.create<Pool>('/v1/pools', { name: 'local', owner: OWNER }, 'demo-pool');
  } catch (error) {
    if (!(error instanceof AdminRefusal) || error.code !== 'idempotency_key_spent') throw error;
    const { data } = await admin.get<{ data: readonly { id: string; name: string }[] }>('/v1/pools?limit=100');
    const known = data.find(({ name }) => name === 'local');
    if (known === undefined) throw error;
    const { agent_token } = await admin.create<Pick<Pool, 'agent_token'>>(`/v1/pools/${known.id}/rotate_token`, {});
    return { id: known.id, agent_token };
  }
}
