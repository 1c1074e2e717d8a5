import * as z from 'zod';

import { name, owner, page, pageQuery, unixSeconds } from './common.ts';
import type { Endpoint } from './endpoint.ts';
import { json, NO_BODY, tenantOrAdmin } from './endpoint.ts';
import { LIMITS } from './limits.ts';
import { subjectTenant } from './organisations.ts';
import type { Scope } from './scope.ts';
import { SCOPES } from './scope.ts';
import { keyId, projectId, tenantId } from './tenancy-ids.ts';

const scopes = z
  .array(z.enum(SCOPES))
  .min(1)
  .max(SCOPES.length)
  .meta({ description: 'What the key may do.', example: ['inference'] });

/** What an application needs; making keys and commanding pools is asked for by name. */
const DEFAULT_SCOPES: Scope[] = ['inference', 'index:read', 'index:write', 'cache:purge', 'files', 'jobs', 'usage:read'];

const keyFields = {
  object: z.literal('key'),
  id: keyId,
  tenant: tenantId,
  project: projectId,
  name,
  owner,
  scopes,
  created_at: unixSeconds,
  expires_at: unixSeconds.nullable(),
  revoked_at: unixSeconds.nullable(),
  /** Until when the secret that a rotation replaced still works. */
  previous_secret_expires_at: unixSeconds.nullable(),
};

const key = z.object(keyFields).meta({ id: 'Key' });

const keyWithSecret = z
  .object({ ...keyFields, key: z.string().meta({ description: 'The API key itself. Shown here and never again.' }) })
  .meta({ id: 'KeyWithSecret' });

const createKey = z.strictObject({
  tenant: subjectTenant,
  project: projectId.optional().meta({ description: "The tenant's default project if absent." }),
  name,
  owner,
  scopes: scopes.default(DEFAULT_SCOPES),
  expires_at: unixSeconds.nullable().default(null),
});

const rotateKey = z.strictObject({
  grace_seconds: z
    .int()
    .min(0)
    .max(LIMITS.keyGraceMaxMs / 1000)
    .default(86_400)
    .meta({ description: 'How long the replaced secret keeps working; 0 after a leak.' }),
});

const TAG = 'Tenancy';
const access = tenantOrAdmin('keys:write');
const params = z.object({ key: keyId });

export const keyEndpoints = {
  createKey: {
    method: 'POST',
    path: '/v1/keys',
    tag: TAG,
    summary: 'Create an API key',
    description: 'A key can grant only scopes that its maker has. The answer carries the key once.',
    access,
    meters: [],
    body: json(createKey),
    status: 201,
    reply: json(keyWithSecret),
    idempotent: true,
  },
  listKeys: {
    method: 'GET',
    path: '/v1/keys',
    tag: TAG,
    summary: 'List the API keys of a tenant, oldest first',
    access,
    meters: [],
    query: pageQuery.extend({ tenant: subjectTenant }),
    body: NO_BODY,
    status: 200,
    reply: json(page(key)),
  },
  getKey: {
    method: 'GET',
    path: '/v1/keys/:key',
    tag: TAG,
    summary: 'An API key, without its secret',
    access,
    meters: [],
    params,
    body: NO_BODY,
    status: 200,
    reply: json(key),
  },
  rotateKey: {
    method: 'POST',
    path: '/v1/keys/:key/rotate',
    tag: TAG,
    summary: 'Give an API key a new secret',
    description: 'The replaced secret keeps working for `grace_seconds`; one replaced earlier stops at once.',
    access,
    meters: [],
    params,
    body: json(rotateKey),
    status: 200,
    reply: json(keyWithSecret),
    idempotent: true,
  },
  revokeKey: {
    method: 'DELETE',
    path: '/v1/keys/:key',
    tag: TAG,
    summary: 'Revoke an API key',
    description: 'Final. Every gateway refuses the key within a second.',
    access,
    meters: [],
    params,
    body: NO_BODY,
    status: 200,
    reply: json(key),
  },
} as const satisfies Record<string, Endpoint>;
