import { DEADLINE_HEADER } from '../../../../src/contract/api/reading.ts';
import type { EvaluationReply } from '../../../../src/contract/vectors/judged/evaluation-reply.ts';
import type { EvaluateBody } from '../../../../src/contract/vectors/judged/evaluations.ts';
import { JUDGED_LIMITS } from '../../../../src/contract/vectors/judged/judged-limits.ts';
import type { Evaluation } from '../../../../src/gateway/vectors/judged/evaluations.ts';
import type { OnIndex } from '../../../../src/gateway/vectors/vectors.ts';
import { must } from '../../../../src/kernel/assert.ts';
import type { JudgedMeasure } from '../../../../src/text/judging/judged-settings.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { indexed, tokenMeters } from './vector-replies.ts';

export const evaluationHandlers = {
  evaluateIndex: async (call) => {
    const { [DEADLINE_HEADER]: budgetMs } = call.options;
    const evaluation = call.gateway.retrieval.evaluations.evaluate(call, call.params.index, call.body, budgetMs);
    const answered = await call.timing.of('search', evaluation);
    if (!answered.ok) return answered;
    return {
      ok: true,
      reply: evaluationReplyOf(answered.value, call.body),
      used: { vector_queries: answered.value.searches, ...tokenMeters(answered.value) },
      ...indexed(answered.value, {}, 'queries'),
    };
  },
} satisfies Partial<Handlers>;

function evaluationReplyOf(found: OnIndex<Evaluation>, body: EvaluateBody): EvaluationReply {
  const { judged, measures, unjudged, unknown, manifest, lsn } = found;
  return {
    object: 'index.evaluation',
    judged: judged.length,
    judgements: judged.reduce((sum, { gains }) => sum + [...gains.values()].filter((gain) => gain > 0).length, 0),
    measures: measures.map((one, at) => measureReply(must(body.measures[at], 'every measure was asked for'), one)),
    unjudged: [...unjudged],
    ...(unjudged.length === 0 ? {} : { partial: true as const }),
    unknown_relevant: { count: unknown.length, ids: unknown.slice(0, JUDGED_LIMITS.evaluationUnknownShownMaxCount) },
    ...(body.include_queries || body.include_rankings ? { queries: queriesReply(found, body) } : {}),
    generation: manifest.generation,
    lsn,
  };
}

const measureReply = (measure: string, { means, comparisons }: JudgedMeasure): EvaluationReply['measures'][number] => ({
  measure,
  plans: means.map(({ value, low, high }) => ({ mean: value, interval_95: { low, high } })),
  comparisons: comparisons.map(({ difference, pValue, isSignificant, wins, losses }, at) => ({
    plan: at + 1,
    difference: difference.value,
    interval_95: { low: difference.low, high: difference.high },
    p_value: pValue,
    significant: isSignificant,
    wins,
    losses,
  })),
});

const queriesReply = (
  { judged, measures }: Evaluation,
  { measures: names, include_queries: isWithFigures, include_rankings: isWithRankings }: EvaluateBody,
): EvaluationReply['queries'] =>
  judged.map(({ id, rankings }, query) => ({
    id,
    plans: rankings.map((ranking, plan) => ({
      ...(isWithFigures ? { figures: Object.fromEntries(names.map((name, at) => [name, figureOf(measures[at], plan, query)])) } : {}),
      ...(isWithRankings ? { ranking: [...ranking] } : {}),
    })),
  }));

const figureOf = (measure: JudgedMeasure | undefined, plan: number, query: number): number =>
  must(measure?.figures[plan]?.[query], 'every judged query has a figure of every plan and measure');
