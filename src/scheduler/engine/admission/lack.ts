import type { Cell } from '../machine/cell.ts';
import type { NodeDemand } from '../model/node-demand.ts';
import type { NodeSpec } from '../model/node-spec.ts';
import { WHOLE_MILLI } from '../model/accelerator-type.ts';
import type { ResourceOption } from '../model/resource-option.ts';
import type { PricedPool } from './pool-choice.ts';
import type { Blocker, Lack } from './blocker.ts';

/** Why no pool had room: what there is too little of, in the pool where the most nodes would do. */
export function lackOf(
  cell: Cell,
  wanted: ResourceOption,
  option: number,
  pools: readonly PricedPool[],
  mayUse: (node: number) => boolean,
): Blocker {
  let best: Lack | undefined;
  let couldFit = false;
  for (const { pool } of pools) {
    const nodes = cell.fleet.nodesOf(pool.spec.id);
    const large = nodes.filter((node) => isLargeEnough(cell.fleet.cluster.spec(node), wanted.perNode));
    couldFit ||= large.length >= wanted.nodes.min || (pool.spec.elasticity?.nodesMax ?? 0) >= wanted.nodes.min;
    const free = large.filter((node) => mayUse(node) && cell.fleet.cluster.fits(node, wanted.perNode));
    if (best !== undefined && free.length <= best.nodesFree) continue;
    const dimension = free.length >= wanted.nodes.min ? 'topology' : scarcest(cell, large, wanted.perNode);
    best = { poolId: pool.spec.id, dimension, nodesFree: free.length, nodesNeeded: wanted.nodes.min };
  }
  return couldFit && best !== undefined ? { kind: 'no_room', option, lack: best } : { kind: 'exceeds_capacity', option };
}

const isLargeEnough = (node: NodeSpec, { cpuMilli, memoryMib, acceleratorCount }: NodeDemand): boolean =>
  node.cpuMilli >= cpuMilli && node.memoryMib >= memoryMib && node.acceleratorCount >= acceleratorCount;

/** What the fewest nodes have enough of. */
function scarcest(
  { fleet }: Cell,
  nodes: readonly number[],
  { cpuMilli, memoryMib, acceleratorCount, milliEach }: NodeDemand,
): Lack['dimension'] {
  const { cluster } = fleet;
  const open = nodes.filter((node) => cluster.columns.isOpen[node] === 1);
  if (open.length === 0) return 'nodes';
  const enough = (demand: Partial<NodeDemand>): number =>
    open.filter((node) => cluster.fits(node, { cpuMilli: 0, memoryMib: 0, acceleratorCount: 0, milliEach: WHOLE_MILLI, ...demand })).length;
  const counts: readonly (readonly [Lack['dimension'], number])[] = [
    ['accelerators', enough({ acceleratorCount, milliEach })],
    ['cpu', enough({ cpuMilli })],
    ['memory', enough({ memoryMib })],
  ];
  return counts.reduce((least, count) => (count[1] < least[1] ? count : least))[0];
}
