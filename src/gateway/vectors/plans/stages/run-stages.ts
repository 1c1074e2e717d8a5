import { maximalMarginalRelevance } from '../../../../ann/shard/mmr.ts';
import type { FieldPath } from '../../../../contract/api/field-path.ts';
import type { Outcome } from '../../../../contract/api/outcome.ts';
import type { Stage, StageOf } from '../../../../contract/vectors/plans/stages.ts';
import { must } from '../../../../kernel/assert.ts';
import type { Clock } from '../../../../kernel/clock.ts';
import { ok } from '../../../../kernel/result.ts';
import type { CandidateRows } from '../candidate-rows.ts';
import type { Candidates, Ranking } from '../ranking.ts';
import { behind, firstOf, joined, NOTHING_FOUND, pickedFrom, rankedBy } from '../ranking.ts';
import type { RanLeg } from '../run-legs.ts';
import type { EmbeddedPoints } from '../../vector-space.ts';
import { bothEmbedded, NOTHING_EMBEDDED } from '../../vector-space.ts';
import { grouped, ordered } from './arrange.ts';
import { evaluate } from './evaluate-formula.ts';
import { maxSimScores } from './max-sim-scores.ts';
import type { Relevance } from './relevance.ts';

/** What the stages of a plan work with. */
export interface StageTerms {
  readonly rows: CandidateRows;
  /** The legs of the plan itself. */
  readonly legs: readonly Pick<RanLeg, 'ranking'>[];
  readonly relevance: Relevance;
  /** The vectors that each of them compares with, row-major. */
  readonly tokenVectors: ReadonlyMap<StageOf<'max_sim'>, Float32Array>;
  readonly dimensionsOf: (field: string) => number;
  readonly clock: Clock;
  readonly pageEnd: number;
}

/** What one stage did. */
export interface RanStage {
  readonly at: FieldPath;
  readonly kind: Stage['kind'];
  readonly tookMs: number;
  readonly candidatesIn: number;
  readonly lookedAt: number;
  readonly after: Ranking;
  /** Whether it has looked at fewer than it would have, for want of time. */
  readonly isCut: boolean;
}

/** What a stage makes of the first candidates. */
export interface Staged {
  readonly head: Candidates;
  /** Candidates that it cannot score: they follow as they were. */
  readonly unscored?: Ranking;
  readonly isCut?: boolean;
  readonly used?: EmbeddedPoints;
}

export interface StagedPlan {
  readonly candidates: Candidates;
  readonly ran: readonly RanStage[];
  readonly used: EmbeddedPoints;
}

/** The stages one after another: each arranges the first candidates, and the others follow as they were. [TX270] Refuses as shards and models do. */
export async function runStages(fused: Ranking, stages: readonly Stage[], terms: StageTerms): Promise<Outcome<StagedPlan>> {
  let candidates: Candidates = fused;
  let used = NOTHING_EMBEDDED;
  const ran: RanStage[] = [];
  for (const [i, stage] of stages.entries()) {
    const at = ['stages', i];
    const startedMs = terms.clock.nowMs();
    const first = firstOf(candidates, stage.depth);
    const staged = await runStage(first, stage, terms, at);
    if (!staged.ok) return staged;
    const { head, unscored = NOTHING_FOUND, isCut = false } = staged.value;
    used = bothEmbedded(used, staged.value.used ?? NOTHING_EMBEDDED);
    // What is not grouped would be as many of one value as there are.
    const rest = stage.kind === 'group' ? NOTHING_FOUND : behind(candidates, stage.depth);
    const groups = head.groups ?? candidates.groups;
    const after = { ...joined(head, unscored, rest), ...(groups === undefined ? {} : { groups }) };
    const lookedAt = first.ids.length - unscored.ids.length;
    const tookMs = terms.clock.nowMs() - startedMs;
    ran.push({ at, kind: stage.kind, tookMs, candidatesIn: candidates.ids.length, lookedAt, after, isCut });
    candidates = after;
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
      return byMetadata(head, terms, (metadata) => ordered(head, stage, metadata));
  }
}

async function byMetadata(
  head: Ranking,
  { rows }: StageTerms,
  arrange: (metadata: Parameters<typeof grouped>[2]) => Candidates,
): Promise<Outcome<Staged>> {
  const metadata = await rows.metadata(head.ids);
  return metadata.ok ? ok({ head: arrange(metadata.value) }) : metadata;
}

const byFormula = (head: Ranking, { score }: StageOf<'formula'>, terms: StageTerms): Promise<Outcome<Staged>> => {
  const legScores = terms.legs.map(({ ranking }) => new Map(ranking.ids.map((id, i) => [id, ranking.scores[i]!])));
  return byMetadata(head, terms, (metadata) =>
    rankedBy(
      head.ids,
      head.ids.map((id, i) =>
        evaluate(score, {
          score: head.scores[i]!,
          legScore: (leg) => legScores[leg]?.get(id) ?? 0,
          metadata: metadata.get(id) ?? null,
        }),
      ),
    ),
  );
};

async function byMaxSim(head: Ranking, stage: StageOf<'max_sim'>, terms: StageTerms, at: FieldPath): Promise<Outcome<Staged>> {
  const contents = await terms.rows.contents(head.ids);
  if (!contents.ok) return contents;
  const query = must(terms.tokenVectors.get(stage), 'the vectors of a stage were made before');
  const asked = { query, field: stage.field, dimensions: terms.dimensionsOf(stage.field), at };
  const scored = maxSimScores(
    head.ids.map((id) => contents.value.get(id) ?? null),
    asked,
  );
  if (!scored.ok) return scored;
  const scores = scored.value;
  const [known, unknown] = [true, false].map((has) => [...scores.keys()].filter((i) => (scores[i] !== undefined) === has));
  const ids = pickedFrom(head, known!).ids;
  return ok({
    head: rankedBy(
      ids,
      known!.map((i) => scores[i]!),
    ),
    unscored: pickedFrom(head, unknown!),
  });
}

/** By the relevance so far, from 0 for the least to 1 for the greatest, and the cosine of the dense vectors. [TX273] */
async function diversified(head: Ranking, { diversity }: StageOf<'mmr'>, { rows, pageEnd }: StageTerms): Promise<Outcome<Staged>> {
  const stored = await rows.values(head.ids);
  if (!stored.ok) return stored;
  const there = [...head.ids.keys()].filter((i) => stored.value.has(head.ids[i]!));
  const scores = there.map((i) => head.scores[i]!);
  const [least, greatest] = [Math.min(...scores), Math.max(...scores)];
  const candidates = there.map((i) => ({
    values: must(stored.value.get(head.ids[i]!), 'only rows that are there are chosen from'),
    score: greatest === least ? 1 : (head.scores[i]! - least) / (greatest - least),
  }));
  const chosen = maximalMarginalRelevance('cosine', candidates, pageEnd, diversity).map((at) => there[at]!);
  const isChosen = new Set(chosen);
  const rest = [...head.ids.keys()].filter((i) => !isChosen.has(i));
  return ok({ head: pickedFrom(head, [...chosen, ...rest]) });
}
