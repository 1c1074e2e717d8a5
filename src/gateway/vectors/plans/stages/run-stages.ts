import { maximalMarginalRelevance } from '../../../../ann/shard/mmr.ts';
import type { FieldPath } from '../../../../contract/api/field-path.ts';
import type { Outcome } from '../../../../contract/api/outcome.ts';
import type { Stage, StageOf } from '../../../../contract/vectors/plans/stages.ts';
import { must } from '../../../../kernel/assert.ts';
import type { Clock } from '../../../../kernel/clock.ts';
import { ok } from '../../../../kernel/result.ts';
import type { CandidateRows } from '../candidate-rows.ts';
import type { Due } from '../due.ts';
import { isLate } from '../due.ts';
import type { PlanTexts } from '../plan-texts.ts';
import type { Ranking } from '../ranking.ts';
import { idsOf, ranked } from '../ranking.ts';
import type { RanLeg } from '../run-legs.ts';
import type { TokensUsed } from '../../vector-space.ts';
import { bothUsed, NO_TOKENS } from '../../vector-space.ts';
import { grouped, ordered } from './arrange.ts';
import { evaluate } from './evaluate-formula.ts';
import type { MaxSimWork } from './max-sim-work.ts';
import { queryVectors } from './max-sim-work.ts';
import type { Relevance } from './relevance.ts';
import type { Candidates, RanStage, Staged } from './staged.ts';

/** What the stages of a plan work with. */
export interface StageTerms {
  readonly rows: CandidateRows;
  /** The legs of the plan itself. */
  readonly legs: readonly Pick<RanLeg, 'ranking'>[];
  readonly relevance: Relevance;
  readonly texts: PlanTexts;
  readonly dimensionsOf: (field: string) => number;
  readonly maxSim: MaxSimWork;
  readonly clock: Clock;
  readonly due: Due;
  readonly pageEnd: number;
}

export interface StagedPlan {
  readonly candidates: Candidates;
  readonly ran: readonly RanStage[];
  readonly used: TokensUsed;
}

/**
 * The stages one after another: each arranges the first candidates, and the others follow as they were. [TX270] One that is late leaves all
 * as they were. [TX280] Refuses as shards and models do.
 */
export async function runStages(fused: Ranking, stages: readonly Stage[], terms: StageTerms): Promise<Outcome<StagedPlan>> {
  let candidates: Candidates = { ranking: fused };
  let used = NO_TOKENS;
  const ran: RanStage[] = [];
  for (const [i, stage] of stages.entries()) {
    const at = ['stages', i];
    const startedMs = terms.clock.nowMs();
    const head = candidates.ranking.slice(0, stage.depth);
    const staged = await runStage(head, stage, terms, at);
    if (!staged.ok && !isLate(staged)) return staged;
    const done: Staged = staged.ok ? staged.value : { ranking: [], unscored: head, isCut: true };
    const { ranking, unscored = [], isCut = false } = done;
    used = bothUsed(used, done.used ?? NO_TOKENS);
    // What is not grouped would be as many of one value as there are.
    const rest = stage.kind === 'group' && staged.ok ? [] : candidates.ranking.slice(stage.depth);
    const after = [...ranking, ...unscored, ...rest];
    const groups = done.groups ?? candidates.groups;
    const tookMs = terms.clock.nowMs() - startedMs;
    const counts = { candidatesIn: candidates.ranking.length, lookedAt: head.length - unscored.length };
    ran.push({ at, kind: stage.kind, tookMs, ...counts, after, isCut });
    candidates = { ranking: after, ...(groups === undefined ? {} : { groups }) };
  }
  return ok({ candidates, ran, used });
}

function runStage(head: Ranking, stage: Stage, terms: StageTerms, at: FieldPath): Promise<Outcome<Staged>> {
  switch (stage.kind) {
    case 'max_sim':
      return byMaxSim(head, stage, terms, at);
    case 'rerank':
      return terms.relevance.rank(head, stage, at);
    case 'formula':
      return byFormula(head, stage, terms);
    case 'mmr':
      return diversified(head, stage, terms);
    case 'group':
      return byMetadata(head, terms, (metadata) => grouped(head, stage, metadata));
    case 'order_by':
      return byMetadata(head, terms, (metadata) => ({ ranking: ordered(head, stage, metadata) }));
  }
}

async function byMetadata(
  head: Ranking,
  { rows }: StageTerms,
  arrange: (metadata: Parameters<typeof grouped>[2]) => Candidates,
): Promise<Outcome<Staged>> {
  const metadata = await rows.metadata(idsOf(head));
  return metadata.ok ? ok(arrange(metadata.value)) : metadata;
}

function byFormula(head: Ranking, { score: formula }: StageOf<'formula'>, terms: StageTerms): Promise<Outcome<Staged>> {
  const legScores = terms.legs.map(({ ranking }) => new Map(ranking.map(({ id, score }) => [id, score])));
  return byMetadata(head, terms, (metadata) => {
    const scored = head.map(({ id, score }) => {
      const legScore = (leg: number) => legScores[leg]?.get(id) ?? 0;
      return { id, score: evaluate(formula, { score, legScore, metadata: metadata.get(id) ?? null }) };
    });
    return { ranking: ranked(scored) };
  });
}

async function byMaxSim(head: Ranking, stage: StageOf<'max_sim'>, terms: StageTerms, at: FieldPath): Promise<Outcome<Staged>> {
  const contents = await terms.rows.contents(idsOf(head));
  if (!contents.ok) return contents;
  const dimensions = terms.dimensionsOf(stage.field);
  const query = await terms.due.within('the vectors of the text', () => queryVectors(stage, terms.texts, dimensions, at));
  if (!query.ok) return query;
  const stored = head.map(({ id }) => contents.value.get(id) ?? null);
  const scores = terms.maxSim.scores(stored, { query: query.value, field: stage.field, dimensions, at });
  if (!scores.ok) return scores;
  const scored = head.flatMap(({ id }, i) => {
    const score = scores.value[i];
    return score === undefined ? [] : [{ id, score }];
  });
  return ok({ ranking: ranked(scored), unscored: head.filter((_, i) => scores.value[i] === undefined) });
}

/** By the relevance so far, from 0 for the least to 1 for the greatest, and the cosine of the dense vectors. */
async function diversified(head: Ranking, { field, diversity }: StageOf<'mmr'>, terms: StageTerms): Promise<Outcome<Staged>> {
  const stored =
    field === '' ? await terms.rows.values(idsOf(head)) : await terms.rows.vectors(idsOf(head), field, terms.dimensionsOf(field));
  if (!stored.ok) return stored;
  const there = head.flatMap((match) => {
    const values = stored.value.get(match.id);
    return values === undefined ? [] : [{ match, values }];
  });
  const scores = there.map(({ match }) => match.score);
  const [least, greatest] = [Math.min(...scores), Math.max(...scores)];
  const relevance = (score: number): number => (greatest === least ? 1 : (score - least) / (greatest - least));
  const candidates = there.map(({ match, values }) => ({ values, score: relevance(match.score) }));
  const chosen = maximalMarginalRelevance('cosine', candidates, terms.pageEnd, diversity).map((at) => must(there[at], 'a candidate').match);
  const isChosen = new Set(chosen);
  return ok({ ranking: [...chosen, ...head.filter((match) => !isChosen.has(match))] });
}
