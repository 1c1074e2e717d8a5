import { JUDGED_LIMITS } from '../../../src/contract/vectors/judged/judged-limits.ts';
import type { LegOfIndex } from '../../../src/contract/vectors/plans/legs-of-index.ts';
import { must } from '../../../src/kernel/assert.ts';
import type { RecordedLeg, RecordedQuery } from '../../../src/text/judging/tuning.ts';
import type { GatewayClient } from '../gateway/gateway-client.ts';
import { Failure } from '../command/command.ts';
import type { JudgedText } from './judged-queries.ts';
import type { Evaluated } from './sliced-evaluation.ts';
import { evaluatedInSlices } from './sliced-evaluation.ts';

/** What is recorded of every query. */
interface Recording {
  readonly legs: readonly LegOfIndex[];
  /** k1 and b of text legs. */
  readonly variants: readonly { readonly k1: number; readonly b: number }[];
  readonly namespace?: string | undefined;
}

/** What searches found, to be merged in other ways without further searches. */
export interface Recorded extends Omit<Evaluated, 'queries'> {
  /** Those of which every search was answered whole. */
  readonly queries: readonly RecordedQuery[];
}

/** Runs the search in use and every leg alone, text legs under every variant. */
export async function recordSearches(
  client: Pick<GatewayClient, 'call'>,
  index: string,
  queries: readonly JudgedText[],
  { legs, variants, namespace }: Recording,
): Promise<Recorded> {
  const alone = legs.map((leg) => (leg.kind === 'text' ? variants.map((variant) => ({ ...variant, legs: [leg] })) : [{ legs: [leg] }]));
  const plans = [{}, ...alone.flat()];
  const rankings = new Map<string, RecordedLeg[]>();
  const parts: Evaluated[] = [];
  for (let at = 0; at < plans.length; at += JUDGED_LIMITS.evaluationPlansMaxCount) {
    const asked = {
      plans: plans.slice(at, at + JUDGED_LIMITS.evaluationPlansMaxCount),
      measures: ['ndcg@10'],
      namespace,
      include_rankings: true,
    };
    const part = await evaluatedInSlices(client, index, queries, asked);
    parts.push(part);
    for (const { id, plans: found } of part.queries) {
      rankings.set(id, [...(rankings.get(id) ?? []), ...found.map(({ ranking = [] }) => legOf(ranking))]);
    }
  }
  const [first] = parts;
  const { generation, unknown } = must(first, 'there is a plan');
  if (parts.some((part) => part.generation !== generation))
    throw new Failure(`another generation of ${index} came to serve meanwhile: repeat it`);
  // By leg, where its first plan is among all.
  const places = alone.map((_, at) => 1 + alone.slice(0, at).flat().length);
  const countOf = (at: number): number => alone[at]?.length ?? 0;
  return {
    queries: queries.flatMap(({ id, relevant }) => {
      const found = rankings.get(id);
      if (found?.length !== plans.length) return [];
      const legAt = (at: number): RecordedLeg => must(found[at], 'as many as there are plans');
      const underVariant = (variant: number) => places.map((place, at) => legAt(place + (countOf(at) > 1 ? variant : 0)));
      const count = Math.max(...alone.map(({ length }) => length));
      return [
        {
          gains: new Map(Object.entries(relevant)),
          inUse: legAt(0).ids,
          variants: Array.from({ length: count }, (_, variant) => underVariant(variant)),
        },
      ];
    }),
    unjudged: parts.flatMap((part) => part.unjudged),
    unknown,
    generation,
  };
}

const legOf = (ranking: readonly { readonly id: string; readonly score: number }[]): RecordedLeg => ({
  ids: ranking.map(({ id }) => id),
  scores: ranking.map(({ score }) => score),
});
