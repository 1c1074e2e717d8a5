import type { FieldPath } from '../../../contract/api/field-path.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { PLAN_LIMITS } from '../../../contract/vectors/plans/plan-limits.ts';
import { VECTOR_LIMITS } from '../../../contract/vectors/vector-limits.ts';
import type { IndexManifest } from '../../../index/index-manifest.ts';
import type { ShardSet } from '../../../index/shards/index-shards.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { ok } from '../../../kernel/result.ts';
import type { Timer } from '../../../kernel/timer.ts';
import { EXPECTED_QUALITY } from '../../../text/fusion/default-rule.ts';
import type { Reranker } from '../../embeddings/rerank.ts';
import type { EmbeddingCaller, TokensUsed } from '../vector-space.ts';
import { consistencyOf } from '../vectors.ts';
import type { ServedRows } from '../visible/served-rows.ts';
import { CandidateRows } from './candidate-rows.ts';
import type { CheckedPlan } from './check-plan.ts';
import { Due, isLate } from './due.ts';
import type { Facet } from './facets.ts';
import { facetOf } from './facets.ts';
import type { Decision } from './fuse-legs.ts';
import { fieldEmbedding, vectorDimensions } from './known-fields.ts';
import type { LegBatches } from './leg-batches.ts';
import type { PlanTexts } from './plan-texts.ts';
import { idsOf } from './ranking.ts';
import type { RanLeg } from './run-legs.ts';
import { servedLegs } from './served-legs.ts';
import { Relevance } from './stages/relevance.ts';
import type { MaxSimWork } from './stages/max-sim-work.ts';
import type { Candidates, RanStage } from './stages/staged.ts';
import { runStages } from './stages/run-stages.ts';
import { TunedLegs } from './tuned-legs.ts';

/** Until when the parts of plans may take. */
export interface PlanDues {
  /** Legs and stages. */
  readonly ranking: Due;
  /** What is read of the matches: some time is kept for that, so that a late leg costs the answer no more than itself. */
  readonly page: Due;
}

export function duesOf(clock: Clock, timer: Timer, deadlineMs: number): PlanDues {
  const page = new Due(clock, timer, deadlineMs);
  return { page, ranking: page.before(Math.min(PLAN_LIMITS.planPageMsMax, PLAN_LIMITS.planPageShare * page.leftMs)) };
}

interface PlanRunParts {
  readonly caller: EmbeddingCaller;
  readonly manifest: IndexManifest;
  readonly shards: ShardSet;
  readonly reranker: Pick<Reranker, 'rerank'>;
  readonly served: ServedRows;
  readonly texts: PlanTexts;
  readonly batches: LegBatches;
  /** What models reach in retrieval, by embedding contract, where the index does not say it. */
  readonly qualities: ReadonlyMap<string, number>;
  readonly maxSim: MaxSimWork;
  readonly dues: PlanDues;
  readonly clock: Clock;
}

/** What a plan came to, before its page. */
export interface RankedByPlan {
  readonly candidates: Candidates;
  /** How many the legs found together. */
  readonly count: number;
  readonly decision: Decision;
  /** Of the documents that it has met rows of; null: of none. */
  readonly edition: number | null;
  /** The legs of the plan. */
  readonly legs: readonly RanLeg[];
  /** These and those within them. */
  readonly allLegs: readonly RanLeg[];
  readonly stages: readonly RanStage[];
  readonly facets: readonly Facet[];
  readonly missing: readonly number[];
  readonly cutParts: readonly FieldPath[];
  /** The writes up to which legs are complete, and what was read of the candidates; undefined: nothing was. */
  readonly lsn: { readonly legs: number; readonly rows: number | undefined };
  readonly used: TokensUsed;
}

/** Runs plans of one call up to their pages. */
export class PlanRun {
  readonly #parts: PlanRunParts;

  constructor(parts: PlanRunParts) {
    this.#parts = parts;
  }

  /** Legs, facets and stages. Refuses as legs and stages do, naming them; what is late is left out, and named. [TX262] [TX280] */
  async ranked({ body, group, text }: CheckedPlan): Promise<Outcome<RankedByPlan>> {
    const { caller, manifest, shards, reranker, served, texts, batches, maxSim, dues, clock } = this.#parts;
    const { namespace, statistics, statistics_of: statisticsOf, explain, offset, top_k: topK } = body;
    const pageEnd = offset + topK;
    const consistency = consistencyOf(body.consistency);
    const due = dues.ranking;
    // What shards answer at their deadline has to be back at that of the plan.
    const reading = { consistency, deadlineMs: due.atMs - VECTOR_LIMITS.fanOutGroupMarginMs };
    const search = { manifest, shards, namespace, reading, explain, weighting: body, texts, statistics, statisticsOf };
    const tuned = manifest.searchSettings === undefined ? null : new TunedLegs(manifest.searchSettings);
    const vectorQuality = (field: string): number => this.#vectorQuality(field);
    const terms = { ...search, clock, due, pageEnd, vectorQuality, tuned, batches, knownBy: dues.page };
    const ran = await servedLegs(served, terms, group, body.filter ?? null);
    if (!ran.ok) return ran;
    const { ranking, decision, edition, own: legs, all: allLegs } = ran.value;
    const rows = new CandidateRows({ manifest, shards, namespace, consistency, due });
    const counted = body.facets.length === 0 ? undefined : await rows.metadata(idsOf(ranking));
    if (counted?.ok === false && !isLate(counted)) return counted;
    const metadata = counted?.ok === true ? [...counted.value.values()] : undefined;
    const relevance = new Relevance({ caller, reranker, rows, asked: text, clock, due });
    const dimensionsOf = (field: string) => vectorDimensions(manifest, field);
    const staged = await runStages(ranking, body.stages, { rows, legs, relevance, texts, dimensionsOf, maxSim, clock, due, pageEnd });
    if (!staged.ok) return staged;
    const { candidates, ran: stages, used } = staged.value;
    const lsns = allLegs.flatMap(({ lsn }) => (lsn > 0 ? [lsn] : []));
    const late = [...allLegs.filter((leg) => leg.isLate), ...stages.filter(({ isCut }) => isCut)];
    return ok({
      candidates,
      count: ranking.length,
      decision,
      edition,
      legs,
      allLegs,
      stages,
      facets: metadata === undefined ? [] : body.facets.map((facet) => facetOf(metadata, facet)),
      missing: [...new Set(allLegs.flatMap(({ missing }) => missing))].sort((a, b) => a - b),
      cutParts: [...late.map((part) => part.at), ...(counted?.ok === false ? [['facets']] : [])],
      lsn: { legs: lsns.length === 0 ? 0 : Math.min(...lsns), rows: rows.lsn },
      used,
    });
  }

  #vectorQuality(field: string): number {
    const { manifest, qualities } = this.#parts;
    const embedding = field === '' ? manifest.embedding : fieldEmbedding(manifest, field);
    const known = embedding === null ? undefined : (embedding.retrievalQuality ?? qualities.get(embedding.contractHash));
    return known ?? EXPECTED_QUALITY.encoder;
  }
}
