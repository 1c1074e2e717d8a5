import * as z from 'zod';

import type { KeyId, OrganisationId, ProjectId, TenantId } from '../../kernel/ids.ts';
import { about } from './api-text.ts';
import { API_LIMITS } from './api-limits.ts';
import { wholeText } from './text-number.ts';

/** A name users choose: it becomes part of paths and of object ids. */
export const name = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'must be lower-case letters, digits and inner hyphens')
  .max(API_LIMITS.nameCharsMax)
  .meta(about('Lower-case letters, digits and inner hyphens.', 'articles'));

/** A character of an index's name, as Qdrant allows them; not that Sluice takes control characters, which would break lines and terminals. */
const INDEX_NAME_CHAR = String.raw`[^<>:"|?*/\\\p{Cc}\p{Surrogate}]`;

/** The name of an index or of an alias. Paths carry it percent-encoded; `.` and `..` mean another path however they are encoded. */
export const indexName = z
  .string()
  .min(1)
  .max(API_LIMITS.indexNameCharsMax)
  .regex(
    new RegExp(String.raw`^(?!\.{1,2}$)${INDEX_NAME_CHAR}*$`, 'u'),
    'must not be . or .., nor have control characters or any of < > : " | ? * / \\',
  )
  .meta(
    about(
      'Any characters but control characters and `< > : " | ? * / \\`. Percent-encoded in paths. `.` and `..` are no names.',
      'articles',
    ),
  );

/** An index by its name, or all whose names begin so. */
export const INDEX_PATTERN = String.raw`index/${INDEX_NAME_CHAR}{0,${API_LIMITS.indexNameCharsMax}}\*?`;

/** The owner of what the admin creates outside of any tenant and organisation, unless another is named. */
export const ADMIN_OWNER = 'admin';

/** The team that answers for a resource. */
export const owner = name.meta(about('The team that owns the resource.', 'search-team'));

/** Of what is created; see `ownerFor`. */
export const ownerOrCallers = owner
  .optional()
  .meta(
    about(
      'The team that answers for the resource; it is shown in lists and reports, and grants nothing. If absent, the owner of the API key. ' +
        `The admin key has none: what it creates gets the owner of the tenant or organisation that it is in, and \`${ADMIN_OWNER}\` outside of any.`,
      'search-team',
    ),
  );

/** Wall time in seconds since the Unix epoch, as OpenAI writes it. */
export const unixSeconds = z.int().min(0).meta(about('Seconds since the Unix epoch.'));

/** How many items a page has, as a query says it. */
export const pageLimit = wholeText(1, API_LIMITS.pageMaxCount).default(API_LIMITS.pageDefaultCount);

/** The number of a version, as a path or a query says it. */
export const versionNumber = wholeText(1, 999_999_999);

/** A cursor page: pass the last item's id as `after` to get the next. */
export const pageQuery = z.strictObject({
  limit: pageLimit,
  after: z.string().max(256).optional(),
});

export const page = <S extends z.core.$ZodType>(item: S) =>
  z.object({ object: z.literal('list'), data: z.array(item), has_more: z.boolean() });

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
