import * as z from 'zod';

import type { KeyId, OrganisationId, ProjectId, TenantId } from '../kernel/ids.ts';

const CHAR = '[0-9a-hjkmnp-tv-z]';

// The pattern is what makes the text an id, which the string schema cannot say.
const id = <Id extends string>(pattern: string, example: string, description: string) =>
  z
    .string()
    .regex(new RegExp(`^${pattern}$`), `must look like ${example}`)
    .meta({ description, example }) as unknown as z.ZodType<Id, Id>;

/** Ids of tenancy. A tenant's, project's or key's begins with the ten characters of its organisation. */
export const organisationId = id<OrganisationId>(`org_${CHAR}{10}`, 'org_4v9k2m7q1x', 'An organisation.');
export const tenantId = id<TenantId>(`tn_${CHAR}{10}_${CHAR}{8}`, 'tn_4v9k2m7q1x_8d3f6h0j', 'A tenant.');
export const projectId = id<ProjectId>(`prj_${CHAR}{10}_${CHAR}{8}`, 'prj_4v9k2m7q1x_5t1w9z3c', 'A project of a tenant.');
export const keyId = id<KeyId>(`key_${CHAR}{20}`, 'key_4v9k2m7q1x7n2p5r8s1t', 'An API key: its public part.');
