import * as z from 'zod';

import { about } from '../api/api-text.ts';
import { unixSeconds } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { measureName } from '../vectors/judged/measure-names.ts';
import { namedFusion } from '../vectors/plans/fusion.ts';
import { fieldName, vectorField, weight } from '../vectors/plans/legs.ts';
import { bm25B, bm25K1 } from '../vectors/plans/bm25.ts';
import { PLAN_LIMITS } from '../vectors/plans/plan-limits.ts';
import { indexParams } from './index-params.ts';

const figure = z.number().min(0).max(1);
const change = z.number().min(-1).max(1);

const ofLeg = {
  weight: weight.meta(about('What it counts for.')),
  quality: figure
    .optional()
    .meta(about('The nDCG@10 that it reaches alone: by this, some of the legs are weighed where the others are not searched.')),
};

const tunedLeg = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('vector'), field: vectorField, ...ofLeg }),
  z.strictObject({ kind: z.literal('text'), ...ofLeg }),
  z.strictObject({ kind: z.literal('sparse'), field: fieldName, ...ofLeg }),
]);

export type TunedLeg = z.output<typeof tunedLeg>;

/** Names a leg among those of settings: its kind, and its field if it has one. */
export const legKey = (leg: { readonly kind: TunedLeg['kind']; readonly field?: string }): string =>
  leg.kind === 'text' ? leg.kind : `${leg.kind}:${leg.field}`;

const evidence = z
  .strictObject({
    queries: z.int().min(1),
    judgements: z.int().min(1),
    measure: measureName,
    before: figure.meta(about('What the search in use before reached.')),
    after: figure.meta(about('What settings that were chosen without a query reach on it.')),
    interval_95: z.strictObject({ low: change, high: change }).meta(about('Of the gain.')),
    p_value: figure,
  })
  .meta(about('What says that the settings are better.'));

const legs = z
  .array(tunedLeg)
  .min(1)
  .max(PLAN_LIMITS.planLegsMaxCount)
  .refine((all) => new Set(all.map(legKey)).size === all.length, 'has a leg twice')
  .refine((all) => all.some(({ weight: one }) => one > 0), 'has no leg with a weight above 0')
  .meta(
    about('What is searched: the settings are for plans of exactly these legs.', [
      { kind: 'vector', field: '', weight: 0.3 },
      { kind: 'text', weight: 0.7 },
    ]),
  );

const given = {
  legs,
  fusion: namedFusion.meta(about('How their rankings become one.', { kind: 'sum', normaliser: 'min_max' })),
  k1: bm25K1.optional(),
  b: bm25B.optional(),
  evidence: evidence.optional(),
};

const settingsBody = z.strictObject({
  ...given,
  generation: z.int().min(1).optional().meta(about('Refused where another generation serves by now.')),
});

export type SearchSettingsBody = z.output<typeof settingsBody>;

export const searchSettingsReply = z
  .object({
    ...given,
    k1: bm25K1.nullable(),
    b: bm25B.nullable(),
    evidence: evidence.nullable(),
    generation: z.int().min(1).meta(about('Which served when they were stored.')),
    created: unixSeconds,
    state: z
      .enum(['used', 'other_vectors', 'other_fields'])
      .meta(
        about(
          '`other_vectors`, `other_fields`: they were stored for another embedding contract, metric or length of vectors, or for other fields, and rest until ' +
            'a generation serves that they are for.',
        ),
      ),
  })
  .meta({ id: 'SearchSettings', description: 'How an index is searched by `auto`, and k1 and b of its texts.' });

export type SearchSettingsReply = z.input<typeof searchSettingsReply>;

const common = { tag: 'Indexes', access: tenant('index:write'), meters: [], status: 200, params: indexParams } as const;

export const searchSettingsEndpoints = {
  setSearchSettings: {
    ...common,
    ...call('PUT', '/v1/indexes/:index/search_settings', json(settingsBody)),
    summary: 'Store how an index is searched',
    description:
      'Searches by a `text`, and plans of the same legs that are merged by `auto`, have these weights and this fusion from then on; text legs have k1 and b unless ' +
      'a plan names them. Every gateway knows them within a second. `sluice indexes tune` finds them by judgements.',
    reply: json(searchSettingsReply),
  },
  deleteSearchSettings: {
    ...common,
    ...call('DELETE', '/v1/indexes/:index/search_settings'),
    summary: 'Search an index by the default rule again',
    reply: json(z.object({ object: z.literal('index.search_settings.deleted'), index: z.string(), deleted: z.literal(true) })),
  },
} as const satisfies Record<string, Endpoint>;
