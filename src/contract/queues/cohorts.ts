import * as z from 'zod';

import { notBoth } from '../api/presence.ts';
import { about, named } from '../api/api-text.ts';
import { name, organisationId, page, pageQuery, tenantId, unixSeconds } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { ADMIN, call, json } from '../api/endpoint.ts';
import type { CohortSettings } from './queue-record.ts';
import { quotas, quotaTableOf, status, weight } from './queue-terms.ts';

// How operators divide a deployment between tenants.

const parent = name.meta(about('The cohort that it is below; `root` is above all.', 'root'));

const settings = { parent: parent.optional(), weight: weight.optional(), quotas: quotas.optional() } as const;

const create = notBoth(
  z.strictObject({
    name,
    ...settings,
    tenant: tenantId.optional().meta(about('It is the cohort of this tenant, whose queues divide what it has.')),
    organisation: organisationId
      .optional()
      .meta(about('It is the cohort of all tenants of this organisation that have none of their own.')),
  }),
  ['tenant', 'organisation'],
  { path: ['organisation'], message: 'excludes tenant' },
);
const change = z.strictObject(settings);

export type CreateCohort = z.output<typeof create>;
export type ChangeCohort = z.output<typeof change>;

const cohort = named('Cohort', {
  object: z.literal('cohort'),
  name: z.string(),
  parent: z.string().nullable().meta(about('Null: of `root` alone.')),
  weight,
  quotas,
  tenant: z.string().nullable(),
  organisation: z.string().nullable(),
  created_at: unixSeconds.nullable().meta(about('Null: of `root`, which is always there.')),
  ...status,
});

export type CohortReply = z.infer<typeof cohort>;

/** The settings that a request names, as they are kept. */
export const cohortSettingsOf = (given: ChangeCohort): Partial<CohortSettings> => ({
  ...(given.parent === undefined ? {} : { parent: given.parent }),
  ...(given.weight === undefined ? {} : { weight: given.weight }),
  ...(given.quotas === undefined ? {} : { quotas: quotaTableOf(given.quotas) }),
});

const common = { tag: 'Cohorts', access: ADMIN, meters: [], status: 200 } as const;
const params = z.strictObject({ cohort: name });

export const cohortEndpoints = {
  createCohort: {
    ...common,
    ...call('POST', '/v1/cohorts', json(create)),
    summary: 'Create a cohort of tenants',
    description:
      'Cohorts form a tree, and share what their parent has by their weights. What one does not use of its quota the others of the tree may borrow, ' +
      'as far as the limits of both allow. A tenant that is in none is right below `root`.',
    status: 201,
    reply: json(cohort),
    idempotent: true,
  },
  listCohorts: {
    ...common,
    ...call('GET', '/v1/cohorts'),
    summary: 'List cohorts by name, and how they stand',
    description: 'To get the next page, pass the last `name` as `after`.',
    query: pageQuery,
    reply: json(page(cohort)),
  },
  getCohort: {
    ...common,
    ...call('GET', '/v1/cohorts/:cohort'),
    summary: 'A cohort, what it has and what it would have in fairness',
    params,
    reply: json(cohort),
  },
  changeCohort: {
    ...common,
    ...call('PATCH', '/v1/cohorts/:cohort', json(change)),
    summary: 'Change a cohort while jobs run',
    description:
      'What is absent stays; `quotas` are replaced as a whole. Jobs that run go on. Of `root`, `quotas` say how much there is to share of a resource ' +
      'beyond what cohorts bring; what they do not name is not limited.',
    params,
    reply: json(cohort),
  },
  deleteCohort: {
    ...common,
    ...call('DELETE', '/v1/cohorts/:cohort'),
    summary: 'Delete a cohort',
    description:
      'Its tenants come under the cohort of their organisation, or under `root`. Refused (`state_conflict`) while there are cohorts below it.',
    params,
    reply: json(z.object({ name: z.string(), object: z.literal('cohort.deleted'), deleted: z.literal(true) })),
  },
} as const satisfies Record<string, Endpoint>;
