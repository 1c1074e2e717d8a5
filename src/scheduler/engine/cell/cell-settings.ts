import type { HourlyPrice } from '../../../contract/tenancy/accelerator-prices.ts';
import type { PoolId } from '../../../kernel/ids.ts';
import type { CohortSpec } from '../fairness/quota-tree.ts';
import type { ClusterState } from '../model/cluster-state.ts';
import type { AcceleratorType, PlacerPolicy, PoolSpec } from '../model/pool-spec.ts';
import type { Placer } from '../placement/placer.ts';
import type { WorkloadMix } from '../placement/workload-mix.ts';

/** A cell that prepays asks for a grant before an attempt starts, and for the next before that one is used up. */
export interface PrepaySettings {
  /** The next grant is asked for so long before the present one is used up. */
  readonly leadMs: number;
  /** An attempt that has not started is given up when its grant has not come for so long: its nodes are for others. */
  readonly waitMs: number;
  /** A running attempt is asked to stop in time for its grace, but not sooner than this after it asked for its next grant. */
  readonly answerMs: number;
  /** No job of a payer who was refused is placed for so long: twice as long with every refusal, up to `retryMaxMs`. */
  readonly retryMs: number;
  readonly retryMaxMs: number;
}

/** How a cell decides: the same settings, records and events give the same decisions. */
export interface CellSettings {
  /** Those known from the beginning. */
  readonly accelerators: ReadonlyMap<string, AcceleratorType>;
  /** Each parent before its children. */
  readonly cohorts: readonly CohortSpec[];
  readonly pools: readonly PoolSpec[];
  /** Chooses nodes, going by the jobs there are and by what their pool prefers; made once for a cell. */
  readonly placer: (cluster: ClusterState, mix: WorkloadMix, policyOf: (poolId: PoolId) => PlacerPolicy) => Placer;
  /** What precedes among queues: the one that has had less, or the one that requests more. */
  readonly order: 'fair' | 'priority';
  /** Whether of queues that have had equally much the one served longer ago precedes, before priorities count. */
  readonly takesTurns?: boolean;
  /** A waiting job counts as one priority higher for each of these, up to `agingMax`: so none waits for ever. It evicts none by that. */
  readonly agingMs: number;
  readonly agingMax: number;
  readonly historyHalfLifeMs: number;
  /** Whether a job without a longest duration counts as one that takes no longer than others like it have, when it would pass the first. */
  readonly trustsObservedDurations: boolean;
  /** For this long the first job without a placement lets others pass; then nodes are reserved for it. */
  readonly headPatienceMs: number;
  /** What accelerators cost whose pool states no price; absent: they are not sold, and a job that names no limit has them for nothing. */
  readonly listedPrice?: (accelerator: string | null, atMs: number) => HourlyPrice;
  /** The longest that one price is charged without looking again. */
  readonly segmentMaxMs: number;
  /** How attempts are paid for in advance; absent where they are charged afterwards alone. */
  readonly prepay?: PrepaySettings;
  /** For so long a node that may have died is tried after all others; absent: nodes are trusted whatever happens there. */
  readonly nodeDoubtMs?: number;
  /** Ends of attempts that are played through to foresee when a job starts, in all; absent: `FORECAST_ENDS_MAX`. */
  readonly forecastEndsMax?: number;
  /** What one explanation, and one forecast, look at; absent: `REMEDY_LOOKS_MAX` and `FORECAST_LOOKS_MAX`. */
  readonly explainLooksMax?: number;
  /** The jobs that one step places; the rest follows with the next `tick`, at once. */
  readonly admissionsMaxCount: number;
}
