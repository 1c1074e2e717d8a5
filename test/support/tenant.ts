import { AdminClient } from '../../workers/local/admin-client.ts';
import type { Server } from '../../workers/local/serve.ts';
import { ApiClient } from './api-client.ts';

export interface TestTenant {
  readonly id: string;
  readonly organisation: string;
  readonly keyId: string;
  readonly client: ApiClient;
}

interface Windows {
  readonly minute: number | null;
  readonly day: number | null;
  readonly month: number | null;
}

export interface TenantOptions {
  readonly scopes?: readonly string[];
  /** One that there is already, rather than a new one. */
  readonly organisation?: string;
  readonly expiresAtS?: number;
  readonly quota?: { readonly requests?: Partial<Windows>; readonly tokens?: Partial<Windows> };
}

const NONE: Windows = { minute: null, day: null, month: null };
let made = 0;

/** A tenant with one key, in a new organisation unless told otherwise. */
export async function createTenant(
  server: Server,
  { scopes, organisation: among, expiresAtS, quota }: TenantOptions = {},
): Promise<TestTenant> {
  const url = server.urls[0] ?? '';
  const admin = new AdminClient(url, server.secrets.SLUICE_ADMIN_KEY);
  const name = `tenant-${(made += 1)}`;
  const organisation = among ?? (await admin.create<{ id: string }>('/v1/organisations', { name, owner: 'testers' })).id;
  const tenant = await admin.create<{ id: string }>('/v1/tenants', { organisation, name, owner: 'testers' });
  if (quota !== undefined) {
    const limits = { requests: { ...NONE, ...quota.requests }, tokens: { ...NONE, ...quota.tokens } };
    await admin.put('/v1/quotas', { tenant: tenant.id, ...limits });
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
