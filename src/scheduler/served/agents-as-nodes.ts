import type { NodeWeights, PoolNode, PoolMessage } from '../../contract/pools/pool-exchange.ts';
import type { PoolId } from '../../kernel/ids.ts';
import type { CellEvent } from '../engine/cell/event.ts';
import type { ModelWeights } from '../engine/model/job-spec.ts';
import type { AcceleratorType, NodeSpec, PoolSpec } from '../engine/model/pool-spec.ts';
import { ONE_ATTEMPT } from './jobs/job.ts';
import { domainsOf } from './offered-kinds.ts';
import { DEFAULT_SETTINGS } from '../../contract/pools/pool-record.ts';
import type { PoolRecord } from '../../contract/pools/pool-record.ts';
import type { Fleet } from '../engine/cell/fleet.ts';
import type { SqliteNodeRegistry } from './sqlite-node-registry.ts';
import type { PartitionName } from '../../contract/pools/pool-partition.ts';
import { partitionAt, partitionOfAgent, ROOT_PARTITION } from '../../contract/pools/pool-partition.ts';

/** What an agent has for weights; undefined: what its memory has room for. One that says nothing of weights keeps none. */
export const weightsMaxMibOf = ({ weights, weightsMaxMib }: Pick<PoolNode, 'weights' | 'weightsMaxMib'>): number | undefined =>
  weightsMaxMib ?? (weights.length > 0 ? undefined : 0);

/** An agent as the engine sees it. */
export const nodeOf = ({ id, capacity, attemptsMax, domains, ordinal, kinds, ...rest }: PoolNode, poolId: PoolId): NodeSpec => ({
  id,
  poolId,
  ...(capacity ?? { accelerator: null, acceleratorCount: 0, ...ONE_ATTEMPT }),
  domains: domainsOf(domains, kinds),
  ordinal,
  jobsMax: attemptsMax,
  ...boundOf(weightsMaxMibOf(rest)),
});

const boundOf = (weightsMaxMib: number | undefined) => (weightsMaxMib === undefined ? {} : { weightsMaxMib });

/** What follows from agents that come: they are nodes, what is in their memory is known, and jobs may ask for the accelerators they have. */
export function arrivalsOf(nodes: readonly PoolNode[], poolId: PoolId, doubted: readonly string[] = []): readonly CellEvent[] {
  if (nodes.length === 0) return [];
  const types = brought(nodes.flatMap(({ capacity }) => capacity?.accelerator ?? []));
  const weights = Object.fromEntries(
    nodes.flatMap((node) => (node.weights.length === 0 ? [] : [[node.id, node.weights.map(modelWeightsOf)]])),
  );
  const arrival: CellEvent = {
    kind: 'add_nodes',
    nodes: nodes.map((node) => nodeOf(node, poolId)),
    ...(doubted.length === 0 ? {} : { doubted }),
  };
  return [...types, Object.keys(weights).length === 0 ? arrival : { ...arrival, weights }];
}

/** Jobs may ask for these accelerators from now on. */
export function brought(names: readonly string[]): readonly CellEvent[] {
  return names.length === 0 ? [] : [{ kind: 'add_accelerators', types: Array.from(new Set(names), typeOf) }];
}

/** Weights as the engine counts them; whether they are in use it knows by itself. */
export const modelWeightsOf = ({ model, memoryMib, loadMs }: NodeWeights): ModelWeights => ({ model, memoryMib, loadMs });

/** A type of which nothing but its name is known. */
export const typeOf = (name: string): AcceleratorType => ({ name, kind: 'gpu', memoryMib: 0, sharing: 'fractional' });

/** A pool as the engine sees it. */
export function poolSpecOf({ id, settings = DEFAULT_SETTINGS }: PoolRecord): PoolSpec {
  const { market, region, placer, elasticity, eviction } = settings;
  const spec: PoolSpec = { id, region, backend: 'agent', market, elasticity, placer };
  if (eviction === null) return spec;
  // What a pool says of who may evict counts for nothing: that is up to queues.
  return {
    ...spec,
    eviction: {
      ...eviction,
      victimOrder: 'least_lost_work',
      reclaimWithinCohort: true,
      preemptWithinQueue: true,
      preemptForFairShare: true,
    },
  };
}

/** What the engine learns of a pool that comes or changes: also which accelerators it would bring if jobs asked for them. [J113] */
export const poolEvents = (kind: 'add_pool' | 'change_pool', pool: PoolRecord): readonly CellEvent[] => [
  ...brought(namesOf(pool)),
  { kind, spec: poolSpecOf(pool) },
];

function namesOf({ settings }: PoolRecord): readonly string[] {
  const name = settings?.elasticity?.template.accelerator ?? null;
  return name === null ? [] : [name];
}

/** What follows from the agents of a message that no longer ask for work, those that do now, and what they hold; notes those that come. */
export function movesOf(
  { poolId, left, joined, weights = [] }: PoolMessage,
  fleet: Fleet,
  registry: SqliteNodeRegistry,
  nowMs: number,
): readonly CellEvent[] {
  const leaving = left.filter(({ nodeId }) => fleet.find(nodeId)?.spec.poolId === poolId);
  const coming = joined.filter(({ id }) => fleet.find(id) === undefined || leaving.some(({ nodeId }) => nodeId === id));
  registry.fell(leaving.flatMap(({ nodeId, isLost }) => (isLost ? [nodeId] : [])));
  const { closed, doubted } = registry.arrive(poolId, coming, nowMs);
  if (coming.length > 0) registry.forget((nodeId) => fleet.find(nodeId) !== undefined, nowMs, coming.length + 1);
  return [
    ...leaving.flatMap(({ nodeId, isLost }): CellEvent[] => [
      // A node that leaves in good order was not taken away: it is closed first.
      ...(isLost ? [] : [{ kind: 'drain', nodeId } as const]),
      { kind: 'node_lost', nodeId },
    ]),
    ...arrivalsOf(coming, poolId, doubted),
    ...closed.map((nodeId) => ({ kind: 'cordon', nodeId }) as const),
    ...weights.flatMap((held): CellEvent[] => {
      const isThere = fleet.find(held.nodeId)?.spec.poolId === poolId || coming.some(({ id }) => id === held.nodeId);
      return isThere ? [{ kind: 'weights', nodeId: held.nodeId, weights: held.weights.map(modelWeightsOf) }] : [];
    }),
  ];
}

/** The nodes of each partition of a pool, counted anew only when nodes have come or gone. [P33] */
export class PartitionNodes {
  /** By the list of a pool's nodes, which grows in place and is replaced when it shrinks. */
  readonly #counted = new WeakMap<readonly number[], { readonly length: number; readonly counts: ReadonlyMap<number, number> }>();

  nodesOf(fleet: Fleet, partition: PartitionName): readonly number[] {
    const { poolId, number } = partitionAt(partition);
    return fleet.nodesOf(poolId).filter((index) => partitionOfAgent(fleet.node(index).spec.id) === number);
  }

  countOf(fleet: Fleet, partition: PartitionName): number {
    const { poolId, number } = partitionAt(partition);
    const nodes = fleet.nodesOf(poolId);
    const known = this.#counted.get(nodes);
    if (known?.length === nodes.length) return known.counts.get(number) ?? 0;
    const counts = new Map<number, number>([[ROOT_PARTITION, 0]]);
    for (const index of nodes) {
      const of = partitionOfAgent(fleet.node(index).spec.id);
      counts.set(of, (counts.get(of) ?? 0) + 1);
    }
    this.#counted.set(nodes, { length: nodes.length, counts });
    return counts.get(number) ?? 0;
  }
}
