import type { PoolId } from '../../../kernel/ids.ts';
import type { ClusterState, Slot } from '../model/cluster-state.ts';
import type { NodeDemand } from '../model/job-spec.ts';
import type { PlacerPolicy } from '../model/pool-spec.ts';
import { LeastWaste } from './least-waste.ts';
import type { Placer, PlacementRequest } from './placer.ts';
import { TightestFit } from './tightest-fit.ts';
import type { WorkloadMix } from './workload-mix.ts';

/** Places in each pool as its operators prefer. The nodes of a request are of one pool. */
export class PlacerByPool implements Placer {
  readonly #cluster: ClusterState;
  readonly #policyOf: (poolId: PoolId) => PlacerPolicy;
  readonly #leastWaste: LeastWaste;
  readonly #tightestFit: TightestFit;

  constructor(cluster: ClusterState, mix: WorkloadMix, policyOf: (poolId: PoolId) => PlacerPolicy) {
    this.#cluster = cluster;
    this.#policyOf = policyOf;
    this.#leastWaste = new LeastWaste(cluster, mix);
    this.#tightestFit = new TightestFit(cluster);
  }

  place(request: PlacementRequest): readonly Slot[] | undefined {
    const [first] = request.nodes;
    if (first === undefined) return undefined;
    const policy = this.#policyOf(this.#cluster.spec(first).poolId);
    return (policy === 'tightest_fit' ? this.#tightestFit : this.#leastWaste).place(request);
  }

  waste(demand: NodeDemand, slots: readonly Slot[]): number {
    return this.#leastWaste.waste(demand, slots);
  }
}
