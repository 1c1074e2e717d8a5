import { assumed } from '../../capacity/assumptions.ts';
import { planIndex } from '../../capacity/index-plan.ts';
import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import { PLANNING_LIMITS } from '../../contract/planning/planning-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { QuotaRule } from '../../contract/tenancy/quota-rule.ts';
import { RECALL_TARGET_DEFAULT } from '../../contract/indexes/index-settings.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { IndexManifest, IndexPage } from '../../index/index-manifest.ts';
import { shardBudget } from '../../index/resharding/shard-budget.ts';
import type { LevelId } from '../../tenancy/quota/quota-level.ts';
import type { BillingLedgers } from '../tenancy/billing-ledger.ts';
import type { QuotaLedgers } from '../tenancy/quota-ledger.ts';
import type { CeilingSource, ForecastSubject } from './capacity-forecaster.ts';
import type { Ceiling } from './forecast-ceilings.ts';

/** An index and how many vectors it has. */
interface CountedIndex {
  readonly manifest: Pick<IndexManifest, 'name' | 'dimensions' | 'shardVectorsMax' | 'recall' | 'replicas'>;
  readonly count: number;
}

/** The indexes of a tenant, as the forecast needs them. */
export interface CountedIndexes {
  list(tenantId: TenantId, after: string | undefined, limit: number): Promise<Outcome<IndexPage>>;
  /** Refuses with `index_not_found` one that was deleted meanwhile. */
  count(manifest: IndexManifest): Promise<Outcome<number>>;
}

const levelOf = ({ organisationId, tenantId }: ForecastSubject): LevelId => tenantId ?? organisationId;

/** The quotas of the level that a forecast is of. */
export const quotaCeilings =
  (ledgers: QuotaLedgers): CeilingSource =>
  async (_, subject) => {
    const level = levelOf(subject);
    const { level: found, held } = await ledgers(subject.organisationId).describe(level);
    const unitsOf = (rule: QuotaRule): number | null | undefined =>
      held.find((counted) => counted.rule.resource === rule.resource && counted.rule.kind === rule.kind)?.units;
    const ceilings: Ceiling[] = [];
    const leftOut: string[] = [];
    for (const rule of found.rules) {
      const { resource, window, limit, accelerator } = rule;
      const common = { kind: 'quota', subject: level, limit } as const;
      if (resource === 'jobs') leftOut.push('the quota of open jobs: the ledger does not count them');
      else if (resource === 'vectors') {
        const units = unitsOf(rule) ?? undefined;
        if (units === undefined) leftOut.push('the quota of vectors: they have not been counted yet');
        else ceilings.push({ ...common, resource, held: { units, share: 1 } });
      } else if (window !== 'held')
        ceilings.push({ ...common, resource: accelerator === null ? resource : `accelerator_ms:${accelerator}`, window });
    }
    return ok({ ceilings, leftOut });
  };

/** Budgets are the admin's to see; a hard one is a quota of its level, too. */
export const budgetCeilings =
  (ledgers: BillingLedgers): CeilingSource =>
  async (principal, subject) => {
    const level = levelOf(subject);
    if (principal.kind !== 'admin') return ok({ ceilings: [] });
    const budgets = await ledgers(subject.organisationId).list('budget');
    return ok({
      ceilings: budgets
        .filter(({ levelId }) => levelId === level)
        .map(({ amountNano }) => ({ kind: 'budget', subject: level, resource: 'spend_nano', window: 'month', limit: amountNano })),
    });
  };

/** The most vectors that the shards of one index hold. New vectors are assumed to be divided among indexes as the present ones are. */
export const indexCeilings =
  (indexes: CountedIndexes): CeilingSource =>
  async (_, { tenantId }) => {
    if (tenantId === undefined) return ok({ ceilings: [] });
    const page = await indexes.list(tenantId, undefined, PLANNING_LIMITS.forecastIndexesMaxCount);
    if (!page.ok) return page;
    const counted: CountedIndex[] = [];
    for (const manifest of page.value.indexes) {
      const count = await indexes.count(manifest);
      if (count.ok) counted.push({ manifest, count: count.value });
      else if (count.error.code !== 'index_not_found') return count;
    }
    const total = counted.reduce((sum, { count }) => sum + count, 0);
    const leftOut = page.value.hasMore ? [`indexes beyond the first ${PLANNING_LIMITS.forecastIndexesMaxCount}`] : [];
    return ok({ ceilings: counted.map((index) => indexCeiling(index, total)), leftOut });
  };

function indexCeiling({ manifest, count }: CountedIndex, total: number): Ceiling {
  const limit = INDEX_LIMITS.shardsPerIndexMaxCount * shardBudget(manifest);
  const demand = {
    vectors: limit,
    dimensions: manifest.dimensions,
    qps: 0,
    writesPerSecond: 0,
    recall: manifest.recall ?? RECALL_TARGET_DEFAULT,
    replicas: manifest.replicas?.length ?? 0,
    shardVectorsMax: shardBudget(manifest),
    shardsMax: INDEX_LIMITS.shardsPerIndexMaxCount,
    locators: 1,
    leavesMax: INDEX_LIMITS.shardsPerIndexMaxCount,
  };
  return {
    kind: 'index',
    subject: manifest.name,
    resource: 'vectors',
    limit,
    held: { units: count, share: total === 0 ? 0 : count / total },
    usdPerUnitMonth: planIndex(demand, assumed()).usdPerMonth / limit,
  };
}
