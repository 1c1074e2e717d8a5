import { must } from '../../kernel/assert.ts';
import { affordablePools } from '../admission/affordable-pools.ts';
import type { Cell } from '../machine/cell.ts';
import type { JobRecord } from '../machine/job-record.ts';
import type { NodeDemand } from '../model/node-demand.ts';
import { domainKey } from '../model/domain-key.ts';
import { planNode } from './node-plan.ts';
import type { NodePlan } from './node-plan.ts';
import type { Victim } from './victim.ts';

/** Who would have to leave for a job to have its nodes by an option, at the least cost; `gone` have left already. Undefined: nobody helps. */
export function cheapestRoom(
  cell: Cell,
  job: JobRecord,
  option: number,
  victims: readonly Victim[],
  gone: ReadonlySet<Victim>,
): readonly Victim[] | undefined {
  const wanted = must(job.spec.options[option], 'the option exists');
  const pools = affordablePools(cell, job.spec, option);
  if ('kind' in pools) return undefined;
  const byNode = groupByNode(victims);
  let best: Room | undefined;
  for (const { pool } of pools) {
    const usable = cell.fleet.nodesOf(pool.spec.id).filter((node) => isUsable(cell, job, node));
    for (const nodes of groupsOf(cell, usable, job, option)) {
      const room = roomAmong(cell, nodes, wanted.perNode, wanted.nodes.min, byNode, gone);
      if (room !== undefined && (best === undefined || room.cost < best.cost)) best = room;
    }
  }
  return best?.victims;
}

interface Room {
  readonly victims: readonly Victim[];
  readonly cost: number;
}

/** Takes the cheapest node first, and the others as they are once those on it have gone, who may be elsewhere, too. */
function roomAmong(
  cell: Cell,
  nodes: readonly number[],
  demand: NodeDemand,
  count: number,
  byNode: ReadonlyMap<number, readonly Victim[]>,
  gone: ReadonlySet<Victim>,
): Room | undefined {
  const leaving = new Set(gone);
  const used = new Set<number>();
  let cost = 0;
  while (used.size < count) {
    let best: NodePlan | undefined;
    for (const node of nodes) {
      if (used.has(node)) continue;
      const here = byNode.get(node) ?? [];
      if (here.length === 0 && !cell.fleet.cluster.fits(node, demand)) continue;
      const plan = planNode(cell.fleet.cluster, node, demand, here, leaving);
      if (plan !== undefined && (best === undefined || plan.cost < best.cost)) best = plan;
      if (best?.cost === 0) break;
    }
    if (best === undefined) return undefined;
    used.add(best.node);
    cost += best.cost;
    for (const victim of best.victims) leaving.add(victim);
  }
  return { victims: [...leaving].filter((victim) => !gone.has(victim)), cost };
}

/** The sets of nodes, each of which could hold the whole job: the domains that it must or would like to lie in, else all of them. */
function groupsOf(cell: Cell, nodes: readonly number[], { spec }: JobRecord, option: number): Iterable<readonly number[]> {
  const topology = spec.options[option]?.topology ?? null;
  const count = spec.options[option]?.nodes.min ?? 1;
  if (topology === null) return [nodes];
  const groups = new Map<string, number[]>();
  for (const node of nodes) {
    const key = domainKey(cell.fleet.cluster.spec(node), topology, count);
    if (key !== undefined) groups.set(key, [...(groups.get(key) ?? []), node]);
  }
  const large = [...groups.values()].filter((group) => group.length >= count);
  return large.length === 0 && topology.mode === 'preferred' ? [nodes] : large;
}

const isUsable = (cell: Cell, { avoids }: JobRecord, node: number): boolean =>
  cell.fleet.cluster.columns.isOpen[node] === 1 && !avoids.includes(cell.fleet.cluster.spec(node).id);

function groupByNode(victims: readonly Victim[]): ReadonlyMap<number, readonly Victim[]> {
  const byNode = new Map<number, Victim[]>();
  for (const victim of victims) {
    for (const { node } of victim.job.attempt?.placement.slots ?? []) {
      const here = byNode.get(node);
      if (here === undefined) byNode.set(node, [victim]);
      else here.push(victim);
    }
  }
  return byNode;
}
