import type { FieldPath } from '../../../contract/api/field-path.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { API_LIMITS } from '../../../contract/api/api-limits.ts';
import type { PlanBody } from '../../../contract/vectors/plans/plans.ts';
import { VECTOR_LIMITS } from '../../../contract/vectors/vector-limits.ts';
import type { IndexManifest } from '../../../index/index-manifest.ts';
import type { IndexShards } from '../../../index/shards/index-shards.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { ok } from '../../../kernel/result.ts';
import type { Timer } from '../../../kernel/timer.ts';
import { Composed } from '../../api/composed.ts';
import type { AnyEmbedder } from '../../embeddings/any-embedder.ts';
import type { Reranker } from '../../embeddings/rerank.ts';
import type { IndexRef } from '../../indexes/index-ref.ts';
import { onIndex } from '../../indexes/index-ref.ts';
import type { ManifestCache } from '../../indexes/manifest-cache.ts';
import type { Acting } from '../../tenancy/authority.ts';
import type { FieldPoints } from '../field-points.ts';
import type { EmbeddedPoints, VectorSpace } from '../vector-space.ts';
import { bothEmbedded } from '../vector-space.ts';
import type { OnIndex } from '../vectors.ts';
import { consistencyOf } from '../vectors.ts';
import { EXPECTED_QUALITY } from '../../../text/fusion/default-rule.ts';
import { CandidateRows } from './candidate-rows.ts';
import type { CheckedPlan } from './check-plan.ts';
import { checkPlan } from './check-plan.ts';
import type { Facet } from './facets.ts';
import { facetOf } from './facets.ts';
import type { Decision } from './fuse-legs.ts';
import { fieldEmbedding, fieldsOfKind } from './known-fields.ts';
import type { PlanPage } from './plan-page.ts';
import { pageOf } from './plan-page.ts';
import type { PreparedPlan } from './prepare-plan.ts';
import { PlanPreparer } from './prepare-plan.ts';
import { idsOf } from './ranking.ts';
import type { RanLeg } from './run-legs.ts';
import { LegRun } from './run-legs.ts';
import { Relevance } from './stages/relevance.ts';
import type { RanStage } from './stages/staged.ts';
import { runStages } from './stages/run-stages.ts';
import { TunedLegs } from './tuned-legs.ts';

interface PlansParts {
  readonly manifests: ManifestCache;
  readonly shards: IndexShards;
  readonly space: VectorSpace;
  readonly embedder: Pick<AnyEmbedder, 'embedInputs'>;
  readonly fieldPoints: FieldPoints;
  readonly reranker: Pick<Reranker, 'rerank'>;
  /** What the deployment's models reach in retrieval, by embedding contract: indexes that were made before this was measured do not say it. */
  readonly qualities: ReadonlyMap<string, number>;
  readonly clock: Clock;
  readonly timer: Timer;
}

/** Whose quota pays for the searches of a plan and what its models read. */
export interface PlanCaller extends Acting {
  readonly reserve: (quantities: { readonly vector_queries?: number; readonly embedding_tokens?: number }) => Promise<Outcome<void>>;
}

/** What one plan found. */
export interface FoundPlan extends EmbeddedPoints {
  readonly page: PlanPage;
  /** How many the legs found together. */
  readonly candidates: number;
  readonly facets: readonly Facet[];
  readonly decision: Decision;
  /** Its legs, each behind those that it holds. */
  readonly legs: readonly RanLeg[];
  readonly stages: readonly RanStage[];
  /** The write up to which the answer is complete. */
  readonly lsn: number;
  /** Shards that legs did not hear. */
  readonly missing: readonly number[];
  /** Legs that were late, and stages that had no time for all they should look at. */
  readonly cutParts: readonly FieldPath[];
  /** How many searches it counts as. */
  readonly searches: number;
}

/** Searches an index by plans of several legs and stages. SPEC: SPEC.md. */
export class Plans extends Composed<PlansParts> {
  /**
   * All is checked, reserved and embedded before the first search is made. Refuses what does not fit the index, and as shards, embedders and the
   * reranker do, naming the field of the plan. `budgetMs`: how long it may take. [TX260]
   */
  search(
    caller: PlanCaller,
    index: IndexRef,
    body: PlanBody,
    budgetMs: number = API_LIMITS.queryDeadlineDefaultMs,
  ): Promise<Outcome<OnIndex<FoundPlan>>> {
    const { manifests, space, embedder, fieldPoints, clock } = this.parts;
    const untilMs = clock.nowMs() + budgetMs;
    return onIndex(manifests, caller.principal, index, async (manifest) => {
      const checked = checkPlan(manifest, body);
      if (!checked.ok) return checked;
      const plan = checked.value;
      const reserved = await caller.reserve({ vector_queries: searchesOf(plan) });
      if (!reserved.ok) return reserved;
      const prepared = await new PlanPreparer({ space, embedder, fieldPoints }, caller, manifest).prepare(plan);
      if (!prepared.ok) return prepared;
      const found = await this.#run(caller, manifest, plan, prepared.value, untilMs);
      return found.ok ? ok({ ...found.value, manifest }) : found;
    });
  }

  async #run(
    caller: PlanCaller,
    manifest: IndexManifest,
    plan: CheckedPlan,
    prepared: PreparedPlan,
    deadlineMs: number,
  ): Promise<Outcome<FoundPlan>> {
    const { shards: all, reranker, qualities, clock, timer } = this.parts;
    const { body, group, text } = plan;
    const { namespace, statistics, statistics_of: statisticsOf, explain, offset, top_k: topK } = body;
    const pageEnd = offset + topK;
    const shards = all.of(manifest);
    const consistency = consistencyOf(body.consistency);
    // What shards answer at their deadline has to be back at that of the plan.
    const reading = { consistency, deadlineMs: deadlineMs - VECTOR_LIMITS.fanOutGroupMarginMs };
    const terms = { manifest, shards, namespace, reading, explain, ...prepared, statistics, statisticsOf };
    const vectorQuality = (field: string): number => {
      const embedding = field === '' ? manifest.embedding : fieldEmbedding(manifest, field);
      const known = embedding === null ? undefined : (embedding.retrievalQuality ?? qualities.get(embedding.contractHash));
      return known ?? EXPECTED_QUALITY.encoder;
    };
    const tuned = manifest.searchSettings === undefined ? null : new TunedLegs(manifest.searchSettings);
    const run = new LegRun({ ...terms, clock, timer, deadlineMs, pageEnd, vectorQuality, tuned });
    const ran = await run.group(group, body.filter ?? null, ['legs']);
    if (!ran.ok) return ran;
    const { ranking, decision, own, all: legs } = ran.value;
    const rows = new CandidateRows({ manifest, shards, namespace, consistency });
    const counted = body.facets.length === 0 ? undefined : await rows.metadata(idsOf(ranking));
    if (counted?.ok === false) return counted;
    const metadata = [...(counted?.value.values() ?? [])];
    const relevance = new Relevance({ caller, reranker, rows, asked: text, clock, timer, deadlineMs });
    const dimensionsOf = (field: string) => fieldsOfKind(manifest, 'multi_vector').find(([name]) => name === field)?.[1].dimensions ?? 0;
    const stageTerms = { rows, legs: own, relevance, tokenVectors: prepared.tokenVectors, dimensionsOf, clock, pageEnd };
    const staged = await runStages(ranking, body.stages, stageTerms);
    if (!staged.ok) return staged;
    const page = await pageOf(staged.value.candidates, plan, own, terms);
    if (!page.ok) return page;
    const lsns = legs.flatMap(({ lsn }) => (lsn > 0 ? [lsn] : []));
    return ok({
      page: page.value,
      candidates: ranking.length,
      facets: body.facets.map((facet) => facetOf(metadata, facet)),
      decision,
      legs,
      stages: staged.value.ran,
      lsn: lsns.length === 0 ? 0 : Math.min(...lsns),
      missing: [...new Set(legs.flatMap(({ missing }) => missing))].sort((a, b) => a - b),
      cutParts: [...legs.filter(({ isLate }) => isLate), ...staged.value.ran.filter(({ isCut }) => isCut)].map((part) => part.at),
      searches: searchesOf(plan),
      ...bothEmbedded(prepared.used, staged.value.used),
    });
  }
}

/** Each leg that searches by itself is one. */
export const searchesOf = ({ legs }: CheckedPlan): number => legs.filter(({ leg }) => leg.kind !== 'plan').length;
