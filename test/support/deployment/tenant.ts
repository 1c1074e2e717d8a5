import { AdminClient } from '../../../workers/local/admin-client.ts';
import { ApiClient } from './api-client.ts';
import type { Reached } from './shared-deployment.ts';

export interface TestTenant {
  readonly id: string;
  readonly organisation: string;
  readonly keyId: string;
  readonly client: ApiClient;
}

type Windows = Partial<Record<'second' | 'minute' | 'hour' | 'day' | 'month' | 'held', number>>;

export interface TenantOptions {
  readonly scopes?: readonly string[];
  /** An existing organisation, instead of a new one. */
  readonly organisation?: string;
  readonly expiresAtS?: number;
  /** Limits by resource and window. */
  readonly quota?: Readonly<Record<string, Windows>>;
}

const rulesOf = (quota: Readonly<Record<string, Windows>>) =>
  Object.entries(quota).flatMap(([resource, windows]) => Object.entries(windows).map(([window, limit]) => ({ resource, window, limit })));

let made = 0;

/** Creates a tenant with one key, in a new organisation unless one is given. */
export async function createTenant(
  server: Reached,
  { scopes, organisation: among, expiresAtS, quota }: TenantOptions = {},
): Promise<TestTenant> {
  const url = server.urls[0] ?? '';
  const admin = new AdminClient(url, server.secrets.SLUICE_ADMIN_KEY);
  const name = `tenant-${(made += 1)}`;
  const organisation = among ?? (await admin.create<{ id: string }>('/v1/organisations', { name, owner: 'testers' })).id;
  const tenant = await admin.create<{ id: string }>('/v1/tenants', { organisation, name, owner: 'testers' });
  if (quota !== undefined) {
    await admin.put('/v1/quotas', { tenant: tenant.id, rules: rulesOf(quota) });
  }
  const key = await admin.create<{ id: string; key: string }>('/v1/keys', {
    tenant: tenant.id,
    name,
    owner: 'testers',
    ...(scopes === undefined ? {} : { scopes }),
    ...(expiresAtS === undefined ? {} : { expires_at: expiresAtS }),
  });
  return { id: tenant.id, organisation, keyId: key.id, client: new ApiClient(url, key.key) };
}
