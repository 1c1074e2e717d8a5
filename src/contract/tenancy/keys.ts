import * as z from 'zod';

import { isAddressRange } from '../api/client-address.ts';
import { about, named } from '../api/api-text.ts';
import { INDEX_PATTERN, keyId, name, owner, ownerOrCallers, page, pageQuery, projectId, tenantId, unixSeconds } from '../api/common.ts';
import { accessLabel } from '../documents/access-labels.ts';
import { isOrigin } from '../api/cross-origin.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenantOrAdmin } from '../api/endpoint.ts';
import { TENANCY_LIMITS } from './tenancy-limits.ts';
import { subjectTenant } from './organisations.ts';
import type { Scope } from '../api/principal.ts';
import { SCOPES } from '../api/principal.ts';

const scopes = z
  .array(z.enum(SCOPES))
  .min(1)
  .max(SCOPES.length)
  .meta(about('What the key may do.', ['inference']));

const addresses = z
  .array(z.string().refine(isAddressRange, 'must be an IP address or a CIDR range such as 10.0.0.0/8, without bits below its prefix'))
  .min(1)
  .max(TENANCY_LIMITS.keyAddressesMaxCount)
  .meta(about('From where the key may be used.', ['203.0.113.0/24']));

const origins = z
  .array(
    z
      .string()
      .refine(isOrigin, 'must be an origin as browsers write it, such as https://app.example.com: lower case, no path, no default port'),
  )
  .min(1)
  .max(TENANCY_LIMITS.keyOriginsMaxCount)
  .meta(
    about(
      'Of which origins pages may use the key in browsers (CORS). Absent: as the deployment says. Calls that come from no page are not concerned.',
      ['https://app.example.com'],
    ),
  );

const RESOURCE = new RegExp(String.raw`^(?:${INDEX_PATTERN}|model/[\w.:/-]{0,128}\*?)$`, 'u');

const resources = z
  .array(z.string().regex(RESOURCE, 'must be such as index/articles, index/blog-* or model/glove-sif-100'))
  .min(1)
  .max(TENANCY_LIMITS.keyResourcesMaxCount)
  .meta(
    about(
      'What the key may touch: of each kind (`index`, `model`) that is named here, nothing else. Routes that touch all indexes are closed to a key that may touch some.',
      ['index/articles', 'index/blog-*'],
    ),
  );

const labels = z
  .array(accessLabel)
  .max(TENANCY_LIMITS.keyLabelsMaxCount)
  .meta(
    about(
      'Of documents, the key reads those that have one of these labels, and those without any; none of these: the latter alone. Of its calls only those work that heed labels: ' +
        'searches, and those of documents. Absent: it reads all.',
      ['staff'],
    ),
  );

/** What an application needs; making keys, changing models and commanding pools is asked for by name. */
export const DEFAULT_SCOPES: Scope[] = ['inference', 'index:read', 'index:write', 'cache:purge', 'files', 'jobs', 'usage:read'];

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
  addresses: z.array(z.string()).nullable(),
  origins: z.array(z.string()).nullable(),
  resources: z.array(z.string()).nullable(),
  labels: z.array(z.string()).nullable(),
  created_by: keyId.nullable().meta(about('The key that made this one; null: the admin.')),
  revoked_at: unixSeconds.nullable(),
  /** Until when the secret that a rotation replaced still works. */
  previous_secret_expires_at: unixSeconds.nullable(),
  last_used_at: unixSeconds.nullable().meta(about('To the minute, as far as usage has been reported; null: never, or only listed.')),
};

const key = z.object(keyFields).meta({ id: 'Key' });

const keyWithSecret = named('KeyWithSecret', {
  ...keyFields,
  key: z.string().meta(about('The API key itself. Shown here and never again.')),
});

const revokedKey = named('RevokedKey', {
  ...keyFields,
  revoked_descendants: z.array(keyId).meta(about('The keys that descend from it and are revoked with it; a repetition names them again.')),
});

const createKey = z.strictObject({
  tenant: subjectTenant,
  project: projectId.optional().meta(about("The tenant's default project if absent.")),
  name,
  owner: ownerOrCallers,
  scopes: scopes.default(DEFAULT_SCOPES),
  expires_at: unixSeconds.nullable().default(null),
  addresses: addresses.nullable().default(null),
  origins: origins.nullable().default(null),
  resources: resources.nullable().default(null),
  labels: labels.nullable().default(null),
});

const rotateKey = z.strictObject({
  grace_seconds: z
    .int()
    .min(0)
    .max(TENANCY_LIMITS.keyGraceMaxMs / 1000)
    .default(86_400)
    .meta(about('How long the replaced secret keeps working; 0 after a leak.')),
});

const params = z.object({ key: keyId });

const common = { tag: 'Tenancy', access: tenantOrAdmin('keys:write'), meters: [], status: 200, heedsLabels: true } as const;

export const keyEndpoints = {
  createKey: {
    ...common,
    ...call('POST', '/v1/keys', json(createKey)),
    summary: 'Create an API key',
    description:
      'A key cannot make one that reaches further than itself: in scopes, time, addresses, origins, resources or labels; what it leaves out it passes on. What the new key consumes counts for its maker too. The answer carries the key once; repeated under its `Idempotency-Key` by the same caller it answers the same key, until that is revoked or rotated: then `state_conflict`.',
    status: 201,
    reply: json(keyWithSecret),
    idempotent: true,
  },
  listKeys: {
    ...common,
    ...call('GET', '/v1/keys'),
    summary: 'List the API keys of a tenant, oldest first',
    query: pageQuery.extend({ tenant: subjectTenant }),
    reply: json(page(key)),
  },
  getKey: {
    ...common,
    ...call('GET', '/v1/keys/:key'),
    summary: 'An API key, without its secret',
    params,
    reply: json(key),
  },
  rotateKey: {
    ...common,
    ...call('POST', '/v1/keys/:key/rotate', json(rotateKey)),
    summary: 'Give an API key a new secret',
    description:
      'The replaced secret keeps working for `grace_seconds`; one replaced earlier stops at once. A key rotates itself and what it made. ' +
      'Repeated under its `Idempotency-Key` it answers the same secret, until that is revoked or rotated again: then `state_conflict`.',
    params,
    reply: json(keyWithSecret),
    idempotent: true,
  },
  revokeKey: {
    ...common,
    ...call('DELETE', '/v1/keys/:key'),
    summary: 'Revoke an API key, and those it made if you say so',
    description:
      'Final. Every gateway refuses the key within a second. With `descendants=true` so are the keys that it made, and those that they made, ' +
      'in one step; without, they keep working (`created_by` in the list shows which there are). A key revokes none that reaches further than itself.',
    params,
    query: z.strictObject({
      descendants: z.enum(['true', 'false']).default('false').meta(about('Whether the keys that descend from it are revoked with it.')),
    }),
    reply: json(revokedKey),
  },
} as const satisfies Record<string, Endpoint>;
