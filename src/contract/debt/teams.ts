import * as z from 'zod';

import { about, named } from '../api/api-text.ts';
import { unixSeconds } from '../api/common.ts';
import { DEBT_LIMITS } from './debt-limits.ts';
import { repositoryId } from './debt.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { json, NO_BODY, tenant } from '../api/endpoint.ts';

// What is known of those who work on a repository: how full teams are, who knows what, and where to begin.

const share = z.number().min(0);
const texts = z.array(z.string());
const moment = unixSeconds.nullable();
const author = z.object({ author: z.string(), share: share.meta(about('Of what is known of the component.')) });

const ownership = z.object({
  component: z.string(),
  tier: z.int(),
  owner: z.string().nullable(),
  effective_owner: z.string().nullable().meta(about('The owner, if one of its members changed the component in the last 180 days.')),
  authors: z.array(author),
  bus_factor: z.int().meta(about('The fewest authors whose leaving takes more than half of what is known of it.')),
  on_call_covered: z.boolean(),
  move_to: z
    .object({ team: z.string(), share, commits: z.int() })
    .nullable()
    .meta(about('The team that made most of the recent commits, if that is another.')),
});

const load = z.object({
  team: z.string(),
  members: texts,
  capacity_minutes_per_week: share,
  change_minutes: share.meta(about('A week, as are the three below.')),
  interest_minutes: share,
  review_minutes: share,
  page_minutes: share,
  load: share.meta(about('Their sum over the capacity.')),
  growth_per_week: z.number().nullable().meta(about('By how much the load grows; null: less than a quarter of history.')),
  saturated_at: moment.meta(about('When the load reaches 85 %.')),
  hire_by: moment.meta(about('When hiring has to begin, by the measured ramp-up.')),
  on_call_covered: z.boolean(),
  guards: z
    .array(z.object({ metric: z.string(), value: z.number(), guard: z.string(), guard_value: z.number() }))
    .meta(about('Figures that can be improved by doing harm, each beside the one that shows the harm.')),
  split: z
    .object({ parts: z.array(texts).length(2), cut_share: share, balance: share, clean: z.boolean() })
    .nullable()
    .meta(about('The division of its components that the fewest shared changes would cross.')),
});

const teams = named('CapacityTeams', {
  object: z.literal('capacity.teams'),
  ramp_up_weeks: z.number().nullable().meta(about('Until new authors have arrived: the median; null: fewer than three did.')),
  teams: z.array(load),
  components: z.array(ownership),
  platform_candidates: z
    .array(z.object({ code: z.string(), lines: z.number(), owners: texts, files: texts }))
    .meta(about('The same code, written by three owners or more.')),
  mentoring: z.array(z.object({ component: z.string(), mentor: z.string(), mentee: z.string(), knows: share, knows_nearby: share })),
});

export type TeamsReply = z.input<typeof teams>;

const onboarding = named('DebtOnboarding', {
  object: z.literal('debt.onboarding'),
  component: z.string(),
  owner: z.string().nullable(),
  read_first: texts.meta(about('Pages inside it, then about it, then how the whole is run.')),
  entry_points: z.array(z.object({ path: z.string(), imported_by: z.number() })),
  authors: z.array(author),
  incidents: z.array(z.object({ id: z.string(), text: z.string(), minutes: z.number() })),
  first_items: z
    .array(z.object({ id: z.string(), subject: z.string(), title: z.string(), remedy: z.string(), principal_minutes: share }))
    .meta(about('In its files, an hour at most, the shortest first.')),
});

export type OnboardingReply = z.input<typeof onboarding>;

const read = { access: tenant('planning:read'), meters: [], method: 'GET', body: NO_BODY, status: 200 } as const;

export const teamEndpoints = {
  getCapacityTeams: {
    ...read,
    tag: 'Planning',
    path: '/v1/capacity/teams',
    summary: 'How full teams are, when to hire, where to divide, pairs of mentor and learner',
    description:
      'From the facts that `sluice debt collect` measured of a repository and its CI uploaded, the policy and the open items. The same figures as ' +
      '`sluice debt teams`.',
    query: z.strictObject({ repository: repositoryId }),
    reply: json(teams),
  },
  getDebtOnboarding: {
    ...read,
    tag: 'Debt',
    path: '/v1/debt/repositories/:debt_repository/onboarding',
    summary: 'Where to begin with a component: pages, entry points, people, incidents, good first items',
    params: z.object({ debt_repository: repositoryId }),
    query: z.strictObject({
      component: z.string().min(1).max(DEBT_LIMITS.debtSubjectCharsMax).meta(about('As it is called.', 'src/search')),
    }),
    reply: json(onboarding),
  },
} as const satisfies Record<string, Endpoint>;
