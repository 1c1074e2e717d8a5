import * as z from 'zod';

import { about, named } from '../api/api-text.ts';
import { indexName, name, ownerOrCallers, unixSeconds } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, NO_BODY, tenant } from '../api/endpoint.ts';
import { PLANNING_LIMITS } from './planning-limits.ts';
import { OBJECTIVE_ENDPOINTS } from './objective-endpoints.ts';

const TAG = 'Planning';

/** Calls by what the log of requests has of them, or by endpoint. */
const ofCalls = {
  by: z
    .enum(['route', 'model', 'target', 'endpoint'])
    .meta(about('A route of any version; what calls ask for, or what serves them by that name; what serves them; or a call of this API.')),
  name: z.string().min(1).max(256).meta(about('Of the route, model or `upstream/model`; or `POST /v1/embeddings`.', 'support-chat')),
};

/** A misspelt endpoint would never have an event. */
const isServed = ({ by, name: endpoint }: { readonly by: string; readonly name: string }): boolean =>
  by !== 'endpoint' || OBJECTIVE_ENDPOINTS.includes(endpoint);
const UNSERVED = {
  path: ['name'],
  message: 'must be a call that objectives are of, such as `POST /v1/indexes/{index}/query`: see docs/api/slos.md',
};

const indicator = z
  .discriminatedUnion('kind', [
    z
      .strictObject({ kind: z.literal('availability'), ...ofCalls })
      .refine(isServed, UNSERVED)
      .meta(about('Calls that were answered, of all but those refused for a fault of the caller (400 to 499).')),
    z
      .strictObject({ kind: z.literal('latency'), ...ofCalls, below_ms: z.number().min(1).max(3_600_000) })
      .refine(isServed, UNSERVED)
      .meta(about('Answered calls that took less, to 5 %; of an endpoint, until the answer began.')),
    z
      .strictObject({ kind: z.literal('recall'), index: indexName })
      .meta(about('Neighbours that searches find, measured every six hours around stored vectors.')),
    z
      .strictObject({ kind: z.literal('freshness'), index: indexName, waiting_max: z.int().min(0).max(1_000_000_000) })
      .meta(about('Minutes in which at most so many vectors waited for background work.')),
    z
      .strictObject({
        kind: z.literal('queue_wait'),
        queue: name.nullable().default(null).meta(about('Null: all queues of the tenant.')),
        below_s: z
          .number()
          .min(1)
          .max(7 * 86_400),
      })
      .meta(about('Jobs that started so soon after they were submitted.')),
  ])
  .meta({ id: 'SloIndicator' });

const setBody = z.strictObject({
  indicator,
  objective: z.number().min(0.5).max(0.99999).meta(about('The share of events that are to be good.', 0.999)),
  window_days: z.int().min(1).max(PLANNING_LIMITS.sloWindowDaysMax).default(30).meta(about('Over so many days.')),
  owner: ownerOrCallers,
});

export type SetSloBody = z.output<typeof setBody>;

const burn = z.object({
  policy: z.enum(['page_fast', 'page_slow', 'ticket']),
  severity: z.enum(['page', 'ticket']),
  threshold: z.number().meta(about('It fires while both spans burn at this rate or faster.')),
  long_s: z.int(),
  short_s: z.int(),
  long_rate: z.number().meta(about('1 spends the budget in exactly the window.')),
  short_rate: z.number(),
  firing: z.boolean(),
});

const slo = named('Slo', {
  object: z.literal('slo'),
  name: z.string(),
  indicator: z.unknown(),
  objective: z.number(),
  window_days: z.int(),
  owner: z.string(),
  status: z
    .enum(['ok', 'burning', 'exhausted', 'no_data'])
    .meta(about('`burning`: a policy fires; `exhausted`: the budget of the window is spent.')),
  attained: z.number().nullable().meta(about('The share of good events in the window; null without any.')),
  events: z.int().min(0),
  bad_events: z.int().min(0),
  budget_spent: z.number().min(0).meta(about('Bad events over those that may be bad: at 1 the budget is spent.')),
  burn: z.array(burn),
  created_at: unixSeconds,
  observed_at: unixSeconds.nullable(),
});

export type SloReply = z.input<typeof slo>;

const alerts = z
  .strictObject({
    enabled: z.boolean(),
    horizon_days: z
      .int()
      .min(1)
      .max(PLANNING_LIMITS.forecastDaysMax)
      .default(30)
      .meta(about('Limits that are expected to be reached so soon.')),
  })
  .meta({ id: 'CapacityAlerts' });

const params = z.object({ slo: name });
const read = { tag: TAG, access: tenant('planning:read'), meters: [], method: 'GET', body: NO_BODY, status: 200 } as const;
const write = { tag: TAG, access: tenant('planning:write'), meters: [], status: 200 } as const;

export const sloEndpoints = {
  setSlo: {
    ...write,
    ...call('PUT', '/v1/slos/:slo', json(setBody)),
    summary: 'Create or replace a service level objective',
    description:
      'Observed each minute from what is counted anyway: calls, the log of requests, jobs, indexes. Alerts go to the webhooks of the organisation while a long and ' +
      'a short span burn the error budget too fast. With another indicator the objective begins anew.',
    params,
    reply: json(slo),
  },
  listSlos: {
    ...read,
    path: '/v1/slos',
    summary: 'List service level objectives, by name, with their error budgets and burn rates',
    reply: json(z.object({ object: z.literal('list'), data: z.array(slo) })),
  },
  getSlo: { ...read, path: '/v1/slos/:slo', summary: 'How an objective is met', params, reply: json(slo) },
  deleteSlo: {
    ...write,
    ...call('DELETE', '/v1/slos/:slo'),
    summary: 'Delete an objective and what was observed of it',
    params,
    reply: json(z.object({ object: z.literal('slo'), name: z.string(), deleted: z.literal(true) })),
  },
  setCapacityAlerts: {
    ...write,
    ...call('PUT', '/v1/capacity/alerts', json(alerts)),
    summary: 'Be alerted of limits before they are reached',
    description: 'Once a day what is forecast is compared with the limits of the tenant; each is alerted of once a month.',
    reply: json(alerts),
  },
  getCapacityAlerts: {
    ...read,
    path: '/v1/capacity/alerts',
    summary: 'Whether limits are alerted of before they are reached',
    reply: json(alerts),
  },
} as const satisfies Record<string, Endpoint>;
