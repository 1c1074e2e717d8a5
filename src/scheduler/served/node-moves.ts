import type { PoolMessage } from '../../contract/pool-exchange.ts';
import type { CellEvent } from '../engine/cell/event.ts';
import type { Fleet } from '../engine/cell/fleet.ts';
import { arrivalsOf, modelWeightsOf } from './node-of.ts';
import type { SqliteNodeRegistry } from './sqlite-node-registry.ts';

/** What follows from the agents of a message that no longer ask for work, those that do now, and what they hold; notes those that come. */
export function movesOf(
  { poolId, left, joined, weights = [] }: PoolMessage,
  fleet: Fleet,
  registry: SqliteNodeRegistry,
  nowMs: number,
): readonly CellEvent[] {
  const leaving = left.filter(({ nodeId }) => fleet.find(nodeId)?.spec.poolId === poolId);
  const coming = joined.filter(({ id }) => fleet.find(id) === undefined || leaving.some(({ nodeId }) => nodeId === id));
  const closed = registry.arrive(poolId, coming, nowMs);
  if (coming.length > 0) registry.forget((nodeId) => fleet.find(nodeId) !== undefined, nowMs, coming.length + 1);
  return [
    ...leaving.flatMap(({ nodeId, isLost }): CellEvent[] => [
      // A node that leaves in good order was not taken away: it is closed first.
      ...(isLost ? [] : [{ kind: 'drain', nodeId } as const]),
      { kind: 'node_lost', nodeId },
    ]),
    ...arrivalsOf(coming, poolId),
    ...closed.map((nodeId) => ({ kind: 'cordon', nodeId }) as const),
    ...weights.flatMap((held): CellEvent[] => {
      const isThere = fleet.find(held.nodeId)?.spec.poolId === poolId || coming.some(({ id }) => id === held.nodeId);
      return isThere ? [{ kind: 'weights', nodeId: held.nodeId, weights: held.weights.map(modelWeightsOf) }] : [];
    }),
  ];
}
