import * as z from 'zod';

import { membersFrom, notBoth } from '../api/presence.ts';
import { dollarsIn } from '../tenancy/money.ts';
import { about } from '../api/api-text.ts';
import { ROUTE_LIMITS } from './route-limits.ts';

// What the rules of a route can ask of a request. Several members of one condition must all hold.

/** What a model of an upstream can be asked for. */
export const KINDS = [
  'chat',
  'completions',
  'responses',
  'embeddings',
  'rerank',
  'moderations',
  'images',
  'speech',
  'transcriptions',
] as const;
const FEATURES = ['tools', 'images', 'json_schema'] as const;
export const BREAKER_STATES = ['open', 'half_open', 'closed'] as const;
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

const bound = z.number().optional();
const range = membersFrom(z.strictObject({ gt: bound, gte: bound, lt: bound, lte: bound }), 1, 4, 'must have one of gt, gte, lt, lte');
const dollars = dollarsIn.optional();
const dollarRange = membersFrom(
  z.strictObject({ gt: dollars, gte: dollars, lt: dollars, lte: dollars }),
  1,
  4,
  'must have one of gt, gte, lt, lte',
);
const text = z.string().max(ROUTE_LIMITS.routeTextCharsMax);
const texts = z.array(text).min(1).max(ROUTE_LIMITS.routeValuesMaxCount);
const textTest = membersFrom(
  z.strictObject({ in: texts.optional(), prefix: text.min(1).optional(), exists: z.boolean().optional() }),
  1,
  3,
  'must have one of in, prefix, exists',
);
const textTests = (names: z.ZodString) => membersFrom(z.record(names, textTest), 1, 8, 'must have one to eight names');

/** Rules see the headers of a request, except those that carry credentials. */
const headerName = z
  .string()
  .max(64)
  .regex(
    /^(?!(?:authorization|proxy-authorization|cookie|api-key|x-api-key|x-goog-api-key)$)[a-z0-9-]+$/,
    'must be a header in lower case that carries no credential',
  );

/** `upstream/model`: a model of one upstream. */
export const targetName = z
  .string()
  .max(ROUTE_LIMITS.routeTextCharsMax)
  .regex(/^[a-z0-9][a-z0-9-]*\/\S+$/, 'must be the name of an upstream, a slash and the name of its model')
  .meta(about('A model of one upstream.', 'openai/gpt-4.1-mini'));

const minuteOfDay = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day such as 08:30');

/** The value that decides into which share a request falls: the same value always falls into the same share. */
const shareBy = z
  .string()
  .regex(
    /^(?:request|key|tenant|user|metadata\.[\w-]{1,64})$/,
    'must be request, key, tenant, user or metadata. and the name of a metadata field',
  )
  .default('request')
  .meta(about('Requests with the same value fall into the same share; a request without it is divided by its id.', 'metadata.session'));

const salt = text.default('').meta(about('Another salt divides the same requests differently.'));
export const division = { by: shareBy, salt } as const;

export type Range = z.output<typeof range>;
export type TextTest = z.output<typeof textTest>;
export type Feature = (typeof FEATURES)[number];
export type BreakerState = (typeof BREAKER_STATES)[number];

const leaf = {
  kind: z.array(z.enum(KINDS)).min(1).max(KINDS.length).optional(),
  stream: z.boolean().optional(),
  has: z.array(z.enum(FEATURES)).min(1).max(FEATURES.length).optional(),
  prompt_bytes: range.optional(),
  prompt_tokens: range.optional().meta(about('The upper bound of its tokens, which is what is reserved.')),
  output_tokens: range.optional().meta(about('The limit that the request sets; a request that sets none is in no range.')),
  messages: range.optional(),
  deadline_ms: range.optional().meta(about('What is left until the deadline; a request without one is in no range.')),
  priority: range.optional(),
  metadata: textTests(z.string().max(64)).optional(),
  headers: textTests(headerName).optional(),
  tenant: texts.optional(),
  project: texts.optional(),
  key: texts.optional(),
  country: texts.optional().meta(about('Where the caller is, as a code of ISO 3166-1.', ['DE', 'FR'])),
  continent: texts.optional(),
  colo: texts.optional().meta(about('The data centre that received the request.')),
  budget: notBoth(
    membersFrom(
      z.strictObject({ left_share: range.optional(), left_nano: range.optional(), left_usd: dollarRange.optional() }),
      1,
      3,
      'must have left_share, left_usd or left_nano',
    ),
    ['left_nano', 'left_usd'],
    'has left_usd and left_nano: give one of them',
  )
    .transform(({ left_usd: nano, ...given }) => (nano === undefined ? given : { ...given, left_nano: nano }))
    .optional()
    .meta(
      about(
        'What is left of the tightest spend limit of the caller, as a share, in US dollars (`left_usd`, kept as `left_nano`) or in nano-dollars. Without a limit: in no range.',
      ),
    ),
  breaker: z
    .strictObject({ target: targetName, is: z.array(z.enum(BREAKER_STATES)).min(1).max(3) })
    .optional()
    .meta(about('The state of the circuit breaker of a target in the isolate that answers.')),
  time: z
    .strictObject({
      from: minuteOfDay,
      to: minuteOfDay.meta(about('Excluded. Earlier than `from`: the next day.')),
      days: z.array(z.enum(DAYS)).min(1).max(7).optional().meta(about('The days on which `from` applies.')),
      utc_offset_minutes: z.int().min(-840).max(840).default(0),
    })
    .optional(),
  share: z.strictObject({ of: z.number().min(0).max(1), ...division }).optional(),
} as const;

const leafCondition = z.strictObject(leaf);

/** Holds if all of its members hold. */
export interface Condition extends z.output<typeof leafCondition> {
  readonly all?: readonly Condition[] | undefined;
  readonly any?: readonly Condition[] | undefined;
  readonly not?: Condition | undefined;
}

export const condition: z.core.$ZodType<Condition> = z
  .lazy(() => {
    const branches = z.array(condition).min(1).max(ROUTE_LIMITS.routeBranchesMaxCount).optional();
    const fields = z.strictObject({ ...leaf, all: branches, any: branches, not: z.optional(condition) });
    return membersFrom(fields, 1, Infinity, 'must have a member: leave out what always holds');
  })
  .meta({ id: 'RouteCondition' });

/** How many members a condition has, together with the conditions inside it. */
export function conditionCount(of: Condition): number {
  const inner = [...(of.all ?? []), ...(of.any ?? []), ...(of.not === undefined ? [] : [of.not])];
  const members = Object.values(of).filter((member) => member !== undefined).length;
  return members + inner.reduce((sum, branch) => sum + conditionCount(branch), 0);
}
