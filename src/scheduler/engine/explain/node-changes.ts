import type { JobId, PoolId } from '../../../kernel/ids.ts';
import { affordablePools } from '../admission/candidate-plans.ts';
import type { Cell } from '../cell/cell.ts';
import type { JobRecord } from '../cell/job-record.ts';
import type { NodeDemand, ResourceOption } from '../model/job-spec.ts';
import { acceptsPool } from '../model/job-spec.ts';
import type { NodeSpec, NodeTemplate } from '../model/pool-spec.ts';
import { apply } from '../machine/step.ts';
import type { Change } from './remedy.ts';

/** The most nodes that a remedy asks for beyond those of the job itself. */
const NODES_MAX = 256;

/** The domain of nodes that are to lie together, where there is none yet. */
const NEW_DOMAIN = 'new';

/** Nodes of the pool that comes closest, each as large as those that are there, or as the job needs where they are smaller. */
export function* moreNodes(cell: Cell, job: JobRecord, option: number): Iterable<Change> {
  const wanted = job.spec.options[option];
  const poolId = wanted === undefined ? undefined : nearestPool(cell, job, option, wanted);
  if (wanted === undefined || poolId === undefined) return;
  const model = modelNode(cell, wanted, poolId);
  // One more at a time, or what a gang takes that has to lie together.
  const base = wanted.topology?.block === true ? wanted.nodes.min : 1;
  const times = (count: number): Change | undefined => {
    const by = base * count;
    if (by > NODES_MAX + wanted.nodes.min) return undefined;
    const { id: _, poolId: __, ordinal: ___, domains, jobsMax: ____, weightsMaxMib: _____, ...node } = model;
    return {
      step: { kind: 'more_nodes', option, poolId, by, node, domains },
      target: `nodes ${poolId}`,
      make: (now) => add(now, model, by, job.spec.id),
      times,
    };
  };
  const timesMin = Math.max(1, Math.ceil(lackingCount(cell, wanted, poolId) / base));
  const once = times(timesMin);
  if (once !== undefined) yield { ...once, timesMin };
}

/** How many nodes more the job lacks, if it were alone. */
function lackingCount(cell: Cell, wanted: ResourceOption, poolId: PoolId): number {
  const free = largeNodes(cell, wanted, poolId).filter((node) => cell.fleet.cluster.fits(node, wanted.perNode)).length;
  return wanted.nodes.min - free;
}

function add(cell: Cell, model: NodeSpec, count: number, jobId: JobId): JobId {
  const first = cell.fleet.cluster.length;
  const nodes = Array.from({ length: count }, (_, n) => ({ ...model, id: `new ${first + n}`, ordinal: model.ordinal + n }));
  apply(cell, { kind: 'add_nodes', nodes });
  return jobId;
}

/** The pool with the most nodes that would do, of those that an option accepts: those at what the job may pay, if there are any. */
function nearestPool(cell: Cell, { spec: job }: JobRecord, option: number, wanted: ResourceOption): PoolId | undefined {
  const affordable = affordablePools(cell, job, option);
  const pools =
    'kind' in affordable ? [...cell.fleet.pools].filter(({ spec }) => acceptsPool(wanted, spec)) : affordable.map(({ pool }) => pool);
  let best: { readonly id: PoolId; readonly large: number } | undefined;
  for (const { spec } of pools) {
    const large = largeNodes(cell, wanted, spec.id).length;
    if (best === undefined || large > best.large) best = { id: spec.id, large };
  }
  return best?.id;
}

const largeNodes = (cell: Cell, wanted: ResourceOption, poolId: PoolId): readonly number[] =>
  cell.fleet.nodesOf(poolId).filter((node) => isLargeEnough(cell.fleet.cluster.spec(node), wanted));

const isLargeEnough = (node: NodeTemplate, { accelerator, perNode }: ResourceOption): boolean =>
  node.cpuMilli >= perNode.cpuMilli &&
  node.memoryMib >= perNode.memoryMib &&
  (accelerator === null || node.accelerator === accelerator) &&
  node.acceleratorCount >= perNode.acceleratorCount;

/** What a node is that is added: as one that is there and large enough; else as the pool asks for, or the job. */
function modelNode(cell: Cell, wanted: ResourceOption, poolId: PoolId): NodeSpec {
  const { cluster } = cell.fleet;
  const [like] = largeNodes(cell, wanted, poolId);
  const template = cell.fleet.pool(poolId).spec.elasticity?.template;
  const fits = template !== undefined && isLargeEnough(template, wanted);
  const own = like === undefined ? { ...(fits ? template : templateOf(wanted)), jobsMax: 1 } : cluster.spec(like);
  return { ...own, id: '', poolId, ...domainOf(cell, wanted, poolId, like === undefined ? {} : cluster.spec(like).domains) };
}

const templateOf = ({ accelerator, perNode }: { readonly accelerator: string | null; readonly perNode: NodeDemand }): NodeTemplate => ({
  accelerator,
  acceleratorCount: perNode.acceleratorCount,
  cpuMilli: perNode.cpuMilli,
  memoryMib: perNode.memoryMib,
});

/** Where it lies: together with as many as possible that have room, or for an aligned block apart from all others. */
function domainOf(cell: Cell, wanted: ResourceOption, poolId: PoolId, domains: NodeSpec['domains']): Pick<NodeSpec, 'domains' | 'ordinal'> {
  const { topology, perNode } = wanted;
  if (topology === null) return { domains, ordinal: 0 };
  const { level, block } = topology;
  if (block) return { domains: { ...domains, [level]: NEW_DOMAIN }, ordinal: 0 };
  const { cluster } = cell.fleet;
  const free = new Map<string, number>();
  for (const node of largeNodes(cell, wanted, poolId)) {
    const domain = cluster.spec(node).domains[level];
    if (domain !== undefined) free.set(domain, (free.get(domain) ?? 0) + Number(cluster.fits(node, perNode)));
  }
  const [best] = [...free].toSorted(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1));
  return { domains: { ...domains, [level]: best?.[0] ?? 'yes' }, ordinal: 0 };
}

/** Nodes that take no new work, and will not be taken away. */
export function* uncordoned(cell: Cell, job: JobRecord, option: number): Iterable<Change> {
  const wanted = job.spec.options[option];
  if (wanted === undefined) return;
  for (const { spec } of cell.fleet.pools) {
    if (!acceptsPool(wanted, spec)) continue;
    const closed = largeNodes(cell, wanted, spec.id)
      .map((index) => cell.fleet.node(index))
      .filter(({ state, goneAtMs }) => state === 'draining' && goneAtMs === undefined)
      .map((node) => node.spec.id);
    const times = (count: number): Change | undefined => {
      const nodeIds = closed.slice(0, count);
      if (count >= 2 * closed.length) return undefined;
      const make = (now: Cell): JobId => {
        for (const nodeId of nodeIds) apply(now, { kind: 'uncordon', nodeId });
        return job.spec.id;
      };
      return { step: { kind: 'uncordon', option, poolId: spec.id, nodeIds }, target: `cordon ${spec.id}`, make, times };
    };
    const once = times(1);
    if (once !== undefined) yield once;
  }
}
