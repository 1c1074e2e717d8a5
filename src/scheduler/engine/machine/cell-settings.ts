import type { PoolId } from '../../../kernel/ids.ts';
import type { CohortSpec } from '../fairness/quota-tree.ts';
import type { ClusterState } from '../model/cluster-state.ts';
import type { AcceleratorType, PlacerPolicy, PoolSpec } from '../model/pool-spec.ts';
import type { Placer } from '../placement/placer.ts';
import type { WorkloadMix } from '../placement/workload-mix.ts';

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
  /** A waiting job counts as one priority higher for each of these, up to `agingMax`: so none waits for ever. It evicts none by that. */
  readonly agingMs: number;
  readonly agingMax: number;
  readonly historyHalfLifeMs: number;
  /** Whether a job without a longest duration counts as one that takes no longer than others like it have, when it would pass the first. */
  readonly trustsObservedDurations: boolean;
  /** For this long the first job without a placement lets others pass; then nodes are reserved for it. */
  readonly headPatienceMs: number;
  /** The longest that one price is charged without looking again. */
  readonly segmentMaxMs: number;
  /** The jobs that one step places; the rest follows with the next `tick`, at once. */
  readonly admissionsMaxCount: number;
}
