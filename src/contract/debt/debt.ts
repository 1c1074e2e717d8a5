import * as z from 'zod';

import { about, apiLines, named } from '../api/api-text.ts';
import { organisationId, unixSeconds, pageLimit } from '../api/common.ts';
import { DEBT_SIGNALS, debtFact, debtFactFile, FACT_KINDS } from './debt-facts.ts';
import type { FactKind } from './debt-facts.ts';
import { DEBT_RULES, DEBT_STATES, debtAction, debtItem, rating } from './debt-items.ts';
import { DEBT_LIMITS } from './debt-limits.ts';
import { debtPolicy } from './debt-policy.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, NO_BODY, tenant, tenantOrAdmin } from '../api/endpoint.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { subjectTenant } from '../tenancy/organisations.ts';
import { wholeText } from '../api/text-number.ts';

const TAG = 'Debt';

const repositoryName = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[^\p{Cc}()]+$/u, 'must not have control characters or parentheses')
  .meta(about('As its fact files name it.', 'github.com/example/search'));
export const repositoryId = z
  .string()
  .regex(/^repo_[0-9a-f]{20}$/, 'must look like repo_0123456789abcdef0123')
  .meta(about('A repository.', 'repo_0123456789abcdef0123'));
const base64 = (charsMax: number) =>
  z
    .string()
    .regex(/^[A-Za-z0-9+/_-]*={0,2}$/, 'must be base64')
    .max(charsMax);

const setRepository = z.strictObject({
  repository: repositoryName,
  public_key: z
    .string()
    .regex(/^[A-Za-z0-9+/_-]{43}=?$/, 'must be a public key of Ed25519: 32 bytes as base64')
    .meta(
      about(
        'Of Ed25519: 32 bytes as base64. The private key stays with the CI that signs.',
        '11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=',
      ),
    ),
  policy: debtPolicy.optional().meta(about('The `debt.json` of the repository: its components, which signals it promises, licences.')),
});

export type SetDebtRepositoryBody = z.output<typeof setRepository>;

const envelope = z
  .strictObject({
    payloadType: z.string().max(128).meta(about('`application/vnd.sluice.debt-facts+json`.')),
    payload: base64(API_LIMITS.jsonBodyBytesMax).meta(about('Base64 of JSON: `signed_at` in seconds, and `file`, a fact file.')),
    signatures: z
      .array(z.strictObject({ keyid: z.string().max(128).optional(), sig: base64(128) }))
      .min(1)
      .max(4),
  })
  .meta({ id: 'SignedDebtFacts' });

/** What an envelope holds. */
export const signedPayload = z.strictObject({ signed_at: unixSeconds, file: debtFactFile });

const share = z.number().min(0);
const score = z.object({
  name: z.string(),
  tier: z.int(),
  owner: z.string().nullable(),
  lines: z.int(),
  items: z.int(),
  principal_minutes: share,
  interest_minutes_per_week: share,
  ratio: share.meta(about('The debt ratio that it is rated by.')),
  rating,
});

const repository = named('DebtRepository', {
  object: z.literal('debt.repository'),
  id: repositoryId,
  tenant: z.string(),
  repository: z.string().meta(about('`(gateway)`: what the gateway measures of itself.')),
  public_key: z.string().nullable(),
  facts: z.int(),
  created_at: unixSeconds,
  uploaded_at: unixSeconds.nullable(),
});

const item = debtItem
  .extend({ object: z.literal('debt.item'), item: z.string().meta(about('Names it in paths.')), repository: repositoryId })
  .meta({ id: 'DebtItemOfRegister' });

const event = z.object({
  kind: z.string(),
  at: unixSeconds,
  by: z.string().nullable().meta(about('Null: a rule.')),
  reason: z.string().nullable(),
});

const itemWithEvents = item.extend({ events: z.array(event).meta(about('The last ones, oldest first.')) });

const list = <S extends z.core.$ZodType>(of: S) => z.object({ object: z.literal('list'), data: z.array(of), next: z.int().nullable() });

export type DebtRepositoryReply = z.input<typeof repository>;
export type DebtItemReply = z.input<typeof item>;

const summary = named('DebtSummary', {
  object: z.literal('debt.summary'),
  repositories: z.array(
    z.object({
      id: repositoryId,
      repository: z.string(),
      total: score.nullable(),
      components: z.array(score),
      signals: z.array(z.object({ signal: z.enum(DEBT_SIGNALS), known: z.boolean() })),
      trend: z
        .array(z.object({ day: unixSeconds, open: z.int(), principal_minutes: share, interest_minutes_per_week: share, ratio: share }))
        .meta(about('By day, oldest first.')),
    }),
  ),
});

export type DebtSummaryReply = z.input<typeof summary>;

const planned = z.object({
  item: z.string(),
  title: z.string(),
  component: z.string(),
  principal_minutes: share,
  interest_minutes_per_week: share,
});

const plan = named('DebtPlan', {
  object: z.literal('debt.plan'),
  repository: repositoryId,
  weeks: z.int(),
  owners: z.array(
    z.object({
      owner: z.string(),
      capacity_minutes_per_week: share,
      share: share.meta(about('Of the time, for debt.')),
      budget_left: z.number().nullable().meta(about('The least that is left of an error budget of its components; null: none is known.')),
      frozen: z.array(z.string()).meta(about('Components whose budget is spent: nothing but debt is worked on there.')),
      chosen: z.array(planned),
      deferred: z.array(planned),
      cheap: z.array(planned).meta(about('Cost more to pay than they cost in a quarter.')),
      interest_saved_per_week: share,
      interest_kept_per_week: share,
    }),
  ),
  unplanned: z.array(planned).meta(about('Of owners whose time is not known.')),
});

export type DebtPlanReply = z.input<typeof plan>;

const paging = {
  limit: pageLimit,
  after: wholeText(0).default(0).meta(about('`next` of the page before.')),
};
const subject = {
  tenant: subjectTenant,
  organisation: organisationId.optional().meta(about('For the admin: all tenants of an organisation.')),
};
const itemParams = z.object({
  debt_item: z
    .string()
    .max(128)
    .regex(/^[\w.-]+$/, 'must be the `item` of an item of the register')
    .meta(about('The `item` of an item of the register.', 'no-alerts.5f2c0e9a7b13')),
});

const read = { tag: TAG, access: tenantOrAdmin('planning:read'), meters: [], method: 'GET', body: NO_BODY, status: 200 } as const;
const write = { tag: TAG, access: tenant('planning:write'), meters: [], status: 200 } as const;

export const debtEndpoints = {
  setDebtRepository: {
    ...write,
    ...call('PUT', '/v1/debt/repositories', json(setRepository)),
    summary: 'Register a repository, or replace its key and policy',
    description: 'Its CI signs fact files with the private key. Files that the former key signed are taken no more.',
    reply: json(repository),
  },
  listDebtRepositories: {
    ...read,
    path: '/v1/debt/repositories',
    summary: 'The repositories of the register',
    query: z.strictObject(subject),
    reply: json(z.object({ object: z.literal('list'), data: z.array(repository) })),
  },
  deleteDebtRepository: {
    ...write,
    ...call('DELETE', '/v1/debt/repositories/:debt_repository'),
    summary: 'Remove a repository with its facts, items and history',
    params: z.object({ debt_repository: repositoryId }),
    reply: json(z.object({ object: z.literal('debt.repository'), id: z.string(), deleted: z.literal(true) })),
  },
  uploadDebtFacts: {
    ...write,
    ...call('POST', '/v1/debt/facts', json(envelope)),
    summary: 'Upload signed facts',
    description: apiLines(
      'A DSSE envelope, as in-toto signs attestations, whose signature holds for the key of the repository. Signed within ten minutes, and taken once. ',
      'Facts of each signal with a census in the file replace all that was known of it; then the rules open and close items.',
    ),
    status: 200,
    reply: json(
      named('DebtUpload', {
        object: z.literal('debt.upload'),
        repository: repositoryId,
        facts: z.int(),
        opened: z.int(),
        closed: z.int(),
      }),
    ),
  },
  listDebtFacts: {
    ...read,
    access: tenant('planning:read'),
    path: '/v1/debt/facts',
    summary: 'The facts of a repository, or of all, with their evidence',
    query: z.strictObject({
      repository: repositoryId.optional(),
      kind: z.enum(Object.keys(FACT_KINDS) as [FactKind, ...FactKind[]]).optional(),
      ...paging,
    }),
    reply: json(list(debtFact)),
  },
  listDebtItems: {
    ...read,
    path: '/v1/debt/items',
    summary: 'Items of debt, the most urgent first',
    query: z.strictObject({
      ...subject,
      repository: repositoryId.optional(),
      state: z.enum(DEBT_STATES).default('open'),
      rule: z.enum(DEBT_RULES).optional(),
      component: z.string().max(256).optional(),
      owner: z.string().max(256).optional(),
      ...paging,
    }),
    reply: json(list(item)),
  },
  getDebtItem: {
    ...read,
    access: tenant('planning:read'),
    path: '/v1/debt/items/:debt_item',
    summary: 'An item with its evidence and its history',
    params: itemParams,
    reply: json(itemWithEvents),
  },
  changeDebtItem: {
    ...write,
    ...call('POST', '/v1/debt/items/:debt_item', json(debtAction)),
    summary: 'Accept, assign or override an item',
    description: 'For at most 90 days, with a reason, in the audit. Nothing closes an item but its rule.',
    params: itemParams,
    reply: json(itemWithEvents),
  },
  getDebtPlan: {
    ...read,
    access: tenant('planning:read'),
    path: '/v1/debt/repositories/:debt_repository/plan',
    summary: 'What each team pays of a repository, and what it puts off',
    description:
      'The share of a team\u2019s time follows its worst error budget and the interest that it pays. Teams and shares are those of the policy; without teams, each ' +
      'owner of items is one.',
    params: z.object({ debt_repository: repositoryId }),
    query: z.strictObject({ weeks: wholeText(1, DEBT_LIMITS.debtPlanWeeksMax).default(13) }),
    reply: json(plan),
  },
  getDebtSummary: {
    ...read,
    path: '/v1/debt/summary',
    summary: 'What debt each repository and component carries, its rating and its trend',
    query: z.strictObject(subject),
    reply: json(summary),
  },
} as const satisfies Record<string, Endpoint>;
