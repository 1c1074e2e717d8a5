import { BoundedHeap } from '../../../kernel/heap.ts';
import type { ClusterState, Slot } from '../model/cluster-state.ts';
import { tightestMask } from './accelerator-masks.ts';
import { domainNodes } from './domains.ts';
import type { Placer, PlacementRequest } from './placer.ts';

/** Places on the nodes that are left with least: fewest wholly idle accelerators, then least CPU, then first. */
export class TightestFit implements Placer {
  readonly #cluster: ClusterState;

  constructor(cluster: ClusterState) {
    this.#cluster = cluster;
  }

  place(request: PlacementRequest): readonly Slot[] | undefined {
    const nodes = nodesFor(this.#cluster, request);
    return nodes?.map((node) => ({ node, mask: tightestMask(this.#cluster, node, request.demand) }));
  }

  /** It does not look at what is left to other jobs. */
  waste(): number {
    return 0;
  }
}

function nodesFor(cluster: ClusterState, request: PlacementRequest): readonly number[] | undefined {
  const { topology, count } = request;
  if (topology === null && count === 1) return tightest(cluster, request);
  if (topology === null) return best(cluster, fitting(cluster, request), count);
  const together = domainNodes(cluster, fitting(cluster, request), topology, count);
  if (together !== undefined) return best(cluster, together, count);
  return topology.mode === 'preferred' ? best(cluster, fitting(cluster, request), count) : undefined;
}

/** The tightest node, by looking at each once. */
function tightest(cluster: ClusterState, { nodes, demand, allows }: PlacementRequest): readonly number[] | undefined {
  let first = -1;
  for (const node of nodes) {
    if (cluster.fits(node, demand) && (first === -1 || compareLeft(cluster, node, first) < 0) && allows(node)) first = node;
  }
  return first === -1 ? undefined : [first];
}

function fitting(cluster: ClusterState, { nodes, demand, allows }: PlacementRequest): number[] {
  return nodes.filter((node) => cluster.fits(node, demand) && allows(node));
}

function best(cluster: ClusterState, nodes: readonly number[], count: number): readonly number[] | undefined {
  if (nodes.length < count) return undefined;
  const heap = new BoundedHeap<number>(count, (a, b) => compareLeft(cluster, a, b));
  for (const node of nodes) heap.push(node);
  return heap.toSorted();
}

function compareLeft({ columns }: ClusterState, a: number, b: number): number {
  const whole = (columns.wholeFree[a] ?? 0) - (columns.wholeFree[b] ?? 0);
  return whole || (columns.cpuFreeMilli[a] ?? 0) - (columns.cpuFreeMilli[b] ?? 0) || a - b;
}
