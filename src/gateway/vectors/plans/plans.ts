import { API_LIMITS } from '../../../contract/api/api-limits.ts';
import { refusalAt } from '../../../contract/api/errors.ts';
import type { FieldPath } from '../../../contract/api/field-path.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { allOf, refuse } from '../../../contract/api/outcome.ts';
import type { CutText } from '../../../contract/embeddings/truncation.ts';
import type { PlanBody } from '../../../contract/vectors/plans/plans.ts';
import { labelsOf } from '../../../documents/replacement/label-lists.ts';
import type { IndexManifest } from '../../../index/index-manifest.ts';
import type { IndexShards } from '../../../index/shards/index-shards.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { must } from '../../../kernel/assert.ts';
import { err, ok } from '../../../kernel/result.ts';
import type { Timer } from '../../../kernel/timer.ts';
import { Composed } from '../../api/composed.ts';
import type { TextEmbedder } from '../../embeddings/text-embedder.ts';
import type { Reranker } from '../../embeddings/rerank.ts';
import type { IndexRef } from '../../indexes/index-ref.ts';
import { onIndex } from '../../indexes/index-ref.ts';
import type { ManifestCache } from '../../indexes/manifest-cache.ts';
import type { Acting } from '../../tenancy/authority.ts';
import { inSearch } from '../searches.ts';
import type { TokensUsed, VectorSpace } from '../vector-space.ts';
import { bothUsed } from '../vector-space.ts';
import type { OnIndex } from '../vectors.ts';
import { consistencyOf } from '../vectors.ts';
import { checkNamedRows, namedIn, readableQueries } from '../visible/labelled-reads.ts';
import type { ServedRows } from '../visible/served-rows.ts';
import { checkPlan, pointsOf } from './check-plan.ts';
import { checkTogether } from './check-together.ts';
import type { Facet } from './facets.ts';
import type { Decision } from './fuse-legs.ts';
import { LegBatches } from './leg-batches.ts';
import type { PlanPage } from './plan-page.ts';
import { pagesOf } from './plan-page.ts';
import type { PlacedPlan } from './plan-texts.ts';
import { PlanTexts } from './plan-texts.ts';
import type { PlanDues, RankedByPlan } from './run-plan.ts';
import { duesOf, PlanRun } from './run-plan.ts';
import type { RanLeg } from './run-legs.ts';
import { MaxSimWork } from './stages/max-sim-work.ts';
import type { RanStage } from './stages/staged.ts';

interface PlansParts {
  readonly manifests: ManifestCache;
  readonly shards: IndexShards;
  readonly space: VectorSpace;
  readonly embedder: Pick<TextEmbedder, 'embed'>;
  readonly reranker: Pick<Reranker, 'rerank'>;
  readonly served: ServedRows;
  /** What the deployment's models reach in retrieval, by embedding contract: indexes that were made before this was measured do not say it. */
  readonly qualities: ReadonlyMap<string, number>;
  readonly clock: Clock;
  readonly timer: Timer;
}

/** Whose quota pays for the searches of a plan and what its models read. */
export interface PlanCaller extends Acting {
  readonly reserve: (quantities: { readonly vector_queries?: number; readonly embedding_tokens?: number }) => Promise<Outcome<void>>;
}

/** One plan of a request. */
export interface AskedPlan {
  readonly body: PlanBody;
  /** Where it stands in the request; empty: it is all of it. */
  readonly at: FieldPath;
}

/** What one plan found. */
export interface FoundPlan {
  readonly page: PlanPage;
  /** How many the legs found together. */
  readonly candidates: number;
  readonly facets: readonly Facet[];
  readonly decision: Decision;
  /** What its legs did, each behind those that it holds, and its stages; absent: not asked for. */
  readonly explanation?: { readonly legs: readonly RanLeg[]; readonly stages: readonly RanStage[] };
  /** Of the documents that it has met rows of; null: of none. */
  readonly edition: number | null;
  /** The write up to which the answer is complete. */
  readonly lsn: number;
  /** Shards that legs did not hear. */
  readonly missing: readonly number[];
  /** Legs that were late, stages that had no time for all they should look at, and what else the deadline has cut. */
  readonly cutParts: readonly FieldPath[];
  /** Its texts that were cut. */
  readonly cut: readonly CutText[];
  /** How many searches it counts as: each leg that searches by itself is one. */
  readonly searches: number;
}

/** What the plans of a request found, in their order, and what their models read. */
export type FoundByPlans = OnIndex<{ readonly found: readonly FoundPlan[] } & TokensUsed>;

/** Searches an index by plans of several legs and stages. SPEC: SPEC.md. */
export class Plans extends Composed<PlansParts> {
  /** One plan; see `searchAll`. `budgetMs`: how long it may take. */
  async search(
    caller: PlanCaller,
    index: IndexRef,
    body: PlanBody,
    budgetMs: number = API_LIMITS.queryDeadlineDefaultMs,
  ): Promise<Outcome<OnIndex<FoundPlan & TokensUsed>>> {
    const searched = await this.searchAll(caller, index, [{ body, at: [] }], this.parts.clock.nowMs() + budgetMs);
    if (!searched.ok) return searched;
    const { found, ...rest } = searched.value;
    return ok({ ...must(found[0], 'each plan has found something'), ...rest });
  }

  /**
   * All are checked and reserved before the first search is made. Refuses the whole request as the first plan that is refused, naming the plan
   * and its field: what does not fit the index, and as shards, embedders and the reranker do. [TX260] [TX282]
   */
  async searchAll(caller: PlanCaller, index: IndexRef, asked: readonly AskedPlan[], deadlineMs: number): Promise<Outcome<FoundByPlans>> {
    const { manifests, clock, timer } = this.parts;
    const readable = readableQueries(caller.principal, asked);
    if (!readable.ok) return readable;
    const dues = duesOf(clock, timer, deadlineMs);
    let [reserved, isOver] = [0, false];
    // A model that is late reserves nothing of a call that has been answered.
    const reserve: PlanCaller['reserve'] = async (quantities) =>
      isOver ? refuse('deadline_exceeded', 'the search has ended') : caller.reserve(quantities);
    const during = { principal: caller.principal, authority: caller.authority, reserve };
    try {
      return await onIndex(manifests, caller.principal, index, async (manifest) => {
        const checked = await this.#check(caller, manifest, readable.value);
        if (!checked.ok) return checked;
        const plans = checked.value;
        const searches = plans.reduce((sum, { plan }) => sum + plan.searches, 0);
        // Another manifest may have come meanwhile, by which there are more.
        const more = await (searches > reserved ? reserve({ vector_queries: searches - reserved }) : ok(undefined));
        if (!more.ok) return more;
        reserved = Math.max(reserved, searches);
        const found = await this.#run(during, manifest, plans, dues);
        return found.ok ? ok({ ...found.value, manifest }) : found;
      });
    } finally {
      isOver = true;
    }
  }

  async #check({ principal }: PlanCaller, manifest: IndexManifest, asked: readonly AskedPlan[]): Promise<Outcome<readonly PlacedPlan[]>> {
    const plans: PlacedPlan[] = [];
    for (const { body, at } of asked) {
      const plan = checkPlan(manifest, body);
      if (!plan.ok) return err(inSearch(plan.error, at));
      const points = pointsOf(plan.value);
      const fits = await this.parts.space.check(manifest, body.model, points, 'queries');
      if (!fits.ok) return err(inSearch(fits.error, at));
      const lists = labelsOf(principal, body.labels);
      const place = { manifest, namespace: body.namespace, consistency: consistencyOf(body.consistency) };
      const named = await checkNamedRows(this.parts, place, lists, namedByLegs(plan.value));
      if (!named.ok) return err(inSearch(named.error, at));
      // What is rare among all texts says something of those that the caller may not read. [DC96]
      const scored = lists.length === 0 ? body : { ...body, statistics_of: 'filter' as const };
      plans.push({ plan: { ...plan.value, body: scored }, at });
    }
    const together = checkTogether(manifest, plans);
    return together.ok ? ok(plans) : together;
  }

  async #run(
    caller: PlanCaller,
    manifest: IndexManifest,
    plans: readonly PlacedPlan[],
    dues: PlanDues,
  ): Promise<Outcome<Omit<FoundByPlans, 'manifest'>>> {
    const { shards: all, space, embedder, reranker, served, qualities, clock } = this.parts;
    const shards = all.of(manifest);
    const texts = new PlanTexts({ space, embedder }, caller, manifest, plans);
    const batches = new LegBatches(
      plans.map(({ plan }) => plan),
      texts,
    );
    const run = new PlanRun({
      caller,
      manifest,
      shards,
      reranker,
      served,
      texts,
      batches,
      qualities,
      maxSim: new MaxSimWork(),
      dues,
      clock,
    });
    const ranked = await allOf(
      plans.map(async (one) => {
        const found = await run.ranked(one.plan);
        return found.ok ? found : err(inPlan(found.error, one));
      }),
    );
    // It names the text, whichever leg has met it first.
    if (texts.refused !== undefined) return texts.refused;
    if (!ranked.ok) return ranked;
    const pages = await pagesOf(
      plans.map((one, i) => ({ ...one, ...must(ranked.value[i], 'each plan was run') })),
      { manifest, shards, due: dues.page },
    );
    if (!pages.ok) return pages;
    const used = ranked.value.reduce((sum, one) => bothUsed(sum, one.used), texts.used);
    const found = plans.map(({ plan }, i) =>
      foundOf(plan, must(ranked.value[i], 'each plan was run'), must(pages.value[i], 'each has a page'), texts.cutOf(plan)),
    );
    return ok({ found, ...used });
  }
}

function foundOf(
  { body, searches }: PlacedPlan['plan'],
  { lsn, cutParts, allLegs: legs, stages, ...ranked }: RankedByPlan,
  page: PlanPage,
  cut: readonly CutText[],
): FoundPlan {
  const { decision, facets, missing, count: candidates, edition } = ranked;
  return {
    page,
    candidates,
    facets,
    decision,
    missing,
    edition,
    // Rows of a strong read are those of the legs, or newer.
    lsn: body.consistency === 'strong' ? lsn.legs : Math.min(lsn.legs, lsn.rows ?? Infinity, page.lsn ?? Infinity),
    cutParts: [...cutParts, ...(page.isWithoutHighlights ? [['highlight']] : [])],
    cut,
    searches,
    ...(body.explain ? { explanation: { legs, stages } } : {}),
  };
}

/** The stored rows that its legs go out from. */
const namedByLegs = ({ legs }: PlacedPlan['plan']) => legs.flatMap(({ leg, at }) => (leg.kind === 'vector' ? namedIn(leg, at) : []));

/** A refusal of a plan by where it stands in the request. The legs of a plan that has a text alone are not the caller's. */
function inPlan(error: Parameters<typeof inSearch>[0], { plan: { body }, at }: PlacedPlan) {
  const isOfText = body.legs === undefined && error.path?.[0] === 'legs';
  return inSearch(isOfText ? refusalAt(error, ['text']) : error, at);
}
