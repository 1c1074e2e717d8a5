import * as z from 'zod';

import type { KeyId, OrganisationId, ProjectId, TenantId } from '../kernel/ids.ts';
import { about } from './api-text.ts';

const CHAR = '[0-9a-hjkmnp-tv-z]';
/** Ten characters and their signature; ten alone in organisations made before ids were signed. */
const STEM = `${CHAR}{10}(?:${CHAR}{8})?`;

// The pattern is what makes the text an id, which the string schema cannot say.
const id = <Id extends string>(pattern: string, example: string, description: string) =>
  z
    .string()
    .regex(new RegExp(`^${pattern}$`), `must look like ${example}`)
    .meta(about(description, example)) as unknown as z.ZodType<Id, Id>;

/** Ids of tenancy. A tenant's, project's or key's begins with the characters of its organisation. */
export const organisationId = id<OrganisationId>(`org_${STEM}`, 'org_4v9k2m7q1xb6d8w0f3', 'An organisation.');
export const tenantId = id<TenantId>(`tn_${STEM}_${CHAR}{8}`, 'tn_4v9k2m7q1xb6d8w0f3_8d3f6h0j', 'A tenant.');
export const projectId = id<ProjectId>(`prj_${STEM}_${CHAR}{8}`, 'prj_4v9k2m7q1xb6d8w0f3_5t1w9z3c', 'A project of a tenant.');
export const keyId = id<KeyId>(`key_${STEM}${CHAR}{10}`, 'key_4v9k2m7q1xb6d8w0f37n2p5r8s1t', 'An API key: its public part.');
