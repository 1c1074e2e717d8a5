import * as z from 'zod';

import { about, apiLines, named } from '../api/api-text.ts';
import { page, pageQuery, unixSeconds, versionNumber } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenantOrAdmin } from '../api/endpoint.ts';
import { ROUTE_LIMITS } from './route-limits.ts';
import { dollarsOut } from '../tenancy/money.ts';
import { BREAKER_STATES, KINDS } from './route-conditions.ts';
import { REUSE_KINDS, REUSE_OUTCOMES, REUSE_STATE_TEXT, REUSE_STATES } from './answer-reuse.ts';
import { CASCADE_REASONS, checkRules, ruleFields } from './route-rules.ts';

/** Requests name a route as their model. It has no slash, unlike the model `upstream/model`. */
export const routeName = z
  .string()
  .regex(/^[a-zA-Z0-9][\w.-]{0,63}$/, 'must begin with a letter or a digit and have up to 64 of letters, digits, _ . and -')
  .meta(about('Requests name it as their model.', 'support-chat'));

const rate = z.number().min(0).max(1);

const canary = z
  .strictObject({
    steps: z
      .array(z.number().min(0.0001).max(0.9999))
      .min(1)
      .max(ROUTE_LIMITS.canaryStepsMaxCount)
      .refine((steps) => steps.every((step, at) => at === 0 || step > (steps[at - 1] ?? 0)), 'must ascend')
      .default([0.01, 0.05, 0.25])
      .meta(about('Shares of the requests, one after the other; after the last, the version serves all.')),
    step_requests_min: z.int().min(1).max(1_000_000).default(200).meta(about('How many requests the canary serves in each step at least.')),
    step_s: z.int().min(1).max(86_400).default(300).meta(about('How long each step lasts at least.')),
    margin: rate.default(0).meta(about('By how much its share of failed or slow requests may exceed that of the stable version.')),
  })
  .meta(about('Lets the version serve a share of the requests first. It is rolled back if its requests fail, or are slow, more often.'));

const create = z
  .strictObject({
    name: routeName,
    ...ruleFields,
    comment: z.string().max(ROUTE_LIMITS.routeTextCharsMax).default('').meta(about('Why this version was made; shown with it.')),
    activate: z.boolean().default(true).meta(about('Whether it serves at once.')),
  })
  .superRefine(checkRules);

export type CreateRouteBody = z.output<typeof create>;

const activate = z.strictObject({ version: z.int().min(1), canary: canary.optional() });
export type ActivateRouteBody = z.output<typeof activate>;

const texts = z.record(z.string().max(64), z.string().max(ROUTE_LIMITS.routeTextCharsMax));

const explain = z.strictObject({
  version: z.int().min(1).optional().meta(about('Absent: the version that would serve the request.')),
  kind: z.enum(KINDS).default('chat'),
  request: z
    .record(z.string(), z.unknown())
    .default({})
    .meta(about('The body of the call, as it would be sent.', { messages: [{ role: 'user', content: 'Hello' }] })),
  headers: texts.default({}).meta(about('Names in lower case.')),
  request_id: z
    .string()
    .max(128)
    .default('req_explained')
    .meta(about('Decides into which share the request falls, unless a rule divides by another value.')),
  deadline_ms: z.number().min(0).optional(),
  country: z.string().max(64).optional(),
  continent: z.string().max(64).optional(),
  colo: z.string().max(64).optional(),
  budget: z.strictObject({ left_share: rate, left_nano: z.int().min(0) }).optional(),
  breakers: z.record(z.string().max(ROUTE_LIMITS.routeTextCharsMax), z.enum(BREAKER_STATES)).default({}),
  at: z.int().min(0).optional().meta(about('Seconds since the Unix epoch; absent: now.')),
});

export type ExplainRouteBody = z.output<typeof explain>;

const comparison = (() => {
  const side = z.object({ events: z.int(), trials: z.int(), low: z.number(), high: z.number() });
  return z.object({ of: z.enum(['failures', 'slow']), canary: side, stable: side });
})();

const event = z.object({
  at: unixSeconds,
  by: z.string().meta(about('The id of a key, `admin`, or `canary` for an automatic decision.')),
  action: z.enum(['create', 'activate', 'canary', 'advance', 'finish', 'rollback']),
  version: z.int().nullable().meta(about('The version that served afterwards.')),
  share: z.number().nullable(),
  comparisons: z.array(comparison).meta(about('The numbers behind an automatic decision.')),
});

const cascadeReply = named('RouteCascade', {
  student: z.array(z.string()),
  teacher: z.array(z.string()),
  confidence: z.string(),
  requests: z.int(),
  escalated: z.int(),
  capped: z.int().meta(about('Not sure enough, and kept because of `escalated_share_max`.')),
  shadows: z.object({ count: z.int(), cost_usd: dollarsOut }),
  outcomes: z.number().meta(about('Answers of both models that were compared; older ones count for less.')),
  curve: z
    .array(z.object({ confidence: z.number(), quality: z.number() }))
    .meta(about('From each confidence on, the share of answers that is expected to agree with the teacher.')),
});

export type CascadeReply = z.infer<typeof cascadeReply>;

const routeReply = named('Route', {
  object: z.literal('route'),
  name: z.string(),
  owned_by: z.enum(['platform', 'tenant']),
  active_version: z.int().nullable(),
  newest_version: z.int(),
  canary: z
    .object({
      version: z.int(),
      share: z.number(),
      requests: z.object({ canary: z.int(), stable: z.int() }),
      failures: z.object({ canary: z.int(), stable: z.int() }),
    })
    .nullable(),
  cascades: z
    .array(cascadeReply)
    .meta(about('What was measured of its cascades: by their models and their kind of confidence, over versions.')),
  events: z.array(event).meta(about('The last 50, newest first.')),
  created_at: unixSeconds,
});

export type RouteReply = z.infer<typeof routeReply>;

const versionReply = named('RouteVersion', {
  object: z.literal('route.version'),
  route: z.string(),
  version: z.int(),
  rules: z.array(z.unknown()),
  default: z.unknown(),
  guardrails: z.array(z.unknown()),
  answer_reuse: z
    .object({
      kind: z.enum(REUSE_KINDS),
      model: z.string().optional(),
      similarity_min: z.number().optional(),
      verifier: z.string().optional(),
      confidence_min: z.number().optional(),
      false_hit_max: z.number(),
      check_share: z.number(),
      agreement_min: z.number(),
      checked: z
        .int()
        .meta(about('Reusable answers that were compared with the answer of the model, for your tenant, in all isolates; many fade.')),
      differed: z.int().meta(about('Of them.')),
      false_hit_bound: z.number().meta(about('The upper end of the 95 % interval of the share of false answers.')),
      state: z.enum(REUSE_STATES).meta(REUSE_STATE_TEXT),
    })
    .nullable(),
  comment: z.string(),
  created_at: unixSeconds,
  created_by: z.string(),
  is_active: z.boolean(),
});

export type RouteVersionReply = z.infer<typeof versionReply>;

const judged: z.core.$ZodType = z
  .lazy(() =>
    z.object({
      member: z.string(),
      value: z.unknown().meta(about('The value in the request; null: it has none.')),
      holds: z.boolean(),
      of: z.array(z.array(judged)).optional(),
    }),
  )
  .meta({ id: 'JudgedCondition' });

export const explanationReply = named('RouteExplanation', {
  object: z.literal('route.explanation'),
  route: z.string(),
  version: z.int(),
  is_canary: z.boolean(),
  reason: z.string().meta(about('As in `x-sluice-route`.', 'rule:long-prompts')),
  rules: z.array(z.object({ rule: z.string(), holds: z.boolean(), conditions: z.array(judged) })),
  split: z.object({ part: z.string(), value: z.number() }).nullable(),
  groups: z.array(z.array(z.object({ target: z.string(), weight: z.number() }))).meta(about('In the order in which they are tried.')),
  left_out: z.array(z.object({ target: z.string(), why: z.enum(['unknown', 'kind', 'images']) })),
  guardrails: z
    .array(z.object({ hook: z.string(), kind: z.string(), on: z.string() }))
    .meta(about('Hooks of the version, in their order.')),
  cascade: z
    .object({
      answer: z.enum(['student', 'teacher']),
      why: z.enum(CASCADE_REASONS),
      confidence: z.number().nullable(),
      threshold: z.number().nullable().meta(about('Null: none is known yet, and every answer is escalated.')),
    })
    .nullable()
    .meta(about('Of a request that a cascade has served: whose answer it got, and why.')),
  reuse: z
    .object({
      outcome: z.enum(REUSE_OUTCOMES),
      request: z.string().meta(about('The call whose answer is the candidate.')),
      question: z.string(),
      answer: z.string(),
      similarity: z.number(),
      confidence: z.number().nullable().meta(about('Of the verifier; null: it was not asked, or gave no verdict.')),
    })
    .nullable()
    .meta(about('Of a request near one that was answered before: that question, its answer, and what became of it.')),
  refusal: z.object({ code: z.string(), message: z.string() }).nullable(),
});

export type ExplanationReply = z.infer<typeof explanationReply>;

const common = { tag: 'Routes', meters: [], status: 200 } as const;
const reading = { ...common, access: tenantOrAdmin('upstreams:read') } as const;
const writing = { ...common, access: tenantOrAdmin('upstreams:write') } as const;
const params = z.strictObject({ route: routeName });

export const routeEndpoints = {
  listRoutes: {
    ...reading,
    ...call('GET', '/v1/routes'),
    summary: 'List the routes: rules that decide which models serve',
    description:
      "A tenant's key lists the tenant's own; the admin key those of the platform, which all tenants may use. By name; to get the next page, pass the last `name` as `after`.",
    query: pageQuery,
    reply: json(page(routeReply)),
  },
  getRoute: {
    ...reading,
    ...call('GET', '/v1/routes/:route'),
    summary: 'A route: which version serves, its canary, what happened to it',
    params,
    reply: json(routeReply),
  },
  createRoute: {
    ...writing,
    ...call('POST', '/v1/routes', json(create)),
    summary: 'Make a route, or its next version',
    description: apiLines(
      'Requests name a route as their `model`. Its rules are checked in order: the first whose condition holds decides which targets serve; where none holds, `default` decides.',
      '',
      'Refused if a rule can never decide, or if a target is unknown or serves no request that can reach it.',
    ),
    reply: json(versionReply),
    idempotent: true,
  },
  listRouteVersions: {
    ...reading,
    ...call('GET', '/v1/routes/:route/versions'),
    summary: 'List the versions of a route',
    description: 'By number; to get the next page, pass the last `version` as `after`.',
    params,
    query: pageQuery.extend({ after: versionNumber.optional() }),
    reply: json(page(versionReply)),
  },
  activateRoute: {
    ...writing,
    ...call('POST', '/v1/routes/:route/activate', json(activate)),
    summary: 'Activate a version of a route, at once or as a canary',
    description: apiLines(
      'All isolates follow within a second, and no request fails meanwhile.',
      '',
      'A canary takes over step by step, or is rolled back. Confidence sequences decide, which hold at all times together: a version that is no worse is rolled back with a chance of at most 1 %.',
    ),
    params,
    reply: json(routeReply),
  },
  rollbackRoute: {
    ...writing,
    ...call('POST', '/v1/routes/:route/rollback'),
    summary: 'End the canary or, without one, activate the previous version again',
    params,
    reply: json(routeReply),
  },
  deleteRoute: {
    ...writing,
    ...call('DELETE', '/v1/routes/:route'),
    summary: 'Delete a route with its versions',
    params,
    reply: json(z.object({ name: z.string(), object: z.literal('route.deleted'), deleted: z.literal(true) })),
  },
  explainRoute: {
    ...reading,
    ...call('POST', '/v1/routes/:route/explain', json(explain)),
    summary: 'Explain what a route does with a request, without sending it',
    params,
    reply: json(explanationReply),
  },
} as const satisfies Record<string, Endpoint>;
