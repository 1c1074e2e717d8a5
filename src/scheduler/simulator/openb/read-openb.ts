import { JOB_LIMITS } from '../../../contract/jobs/job-limits.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import { refuseBeyond } from '../../../contract/limits/limit-refusal.ts';
import type { PoolId } from '../../../kernel/ids.ts';
import { ok } from '../../../kernel/result.ts';
import { NODE_ACCELERATORS_MAX } from '../../engine/model/cluster-state.ts';
import type { NodeSpec } from '../../engine/model/pool-spec.ts';
import { WHOLE_MILLI } from '../../engine/model/pool-spec.ts';
import type { WeightedShape, Shape } from '../../engine/placement/workload-mix.ts';
import { acceleratorMilli } from '../../engine/placement/workload-mix.ts';
import type { TableFile } from '../table/read-table.ts';
import { anyText, optional, someText, wholeNumber, readTable } from '../table/read-table.ts';

/** A cluster and the jobs that ask for a part of it, as in the traces of Alibaba's cluster of 2023 ("openb"). */
export interface OpenbTrace {
  readonly nodes: readonly NodeSpec[];
  /** What jobs ask for, with how many ask for it. */
  readonly shapes: readonly WeightedShape[];
  /** The shape of each job, by index, in the order of the jobs' names. */
  readonly pods: readonly number[];
}

const POOL = 'pool_openb00000' as PoolId;
const AMOUNT_MAX = 2 ** 31 - 1;

/** Reads a list of nodes and a list of jobs. */
export function readOpenb(nodesFile: TableFile, podsFile: TableFile): Outcome<OpenbTrace> {
  const nodes = readNodes(nodesFile);
  if (!nodes.ok) return nodes;
  const pods = readPods(podsFile);
  if (!pods.ok) return pods;
  if (!nodes.value.some(({ acceleratorCount }) => acceleratorCount > 0)) {
    return refuse('invalid_value', `${nodesFile.name}: no node has a GPU`);
  }
  if (!pods.value.shapes.some(({ shape }) => acceleratorMilli(shape) > 0)) {
    return refuse('invalid_value', `${podsFile.name}: no pod asks for a GPU`);
  }
  return ok({ nodes: nodes.value, ...pods.value });
}

function readNodes(file: TableFile): Outcome<readonly NodeSpec[]> {
  const table = readTable(file, {
    sn: someText,
    cpu_milli: wholeNumber(0, AMOUNT_MAX),
    memory_mib: wholeNumber(0, AMOUNT_MAX),
    gpu: wholeNumber(0, NODE_ACCELERATORS_MAX),
    model: anyText,
  });
  if (!table.ok) return table;
  if (table.value.length > JOB_LIMITS.traceNodesMaxCount) return tooMany(file, table.value.length, 'traceNodesMaxCount');
  const names = new Set<string>();
  const nodes: NodeSpec[] = [];
  for (const { sn, cpu_milli, memory_mib, gpu, model, line } of table.value) {
    if (names.has(sn)) return refuse('invalid_value', `${file.name} line ${line} column sn: "${sn}" was named before`);
    if (gpu > 0 && model === '') return refuse('invalid_value', `${file.name} line ${line} column model: "" is not a name`);
    names.add(sn);
    const accelerator = gpu === 0 ? null : model;
    const size = { accelerator, acceleratorCount: gpu, cpuMilli: cpu_milli, memoryMib: memory_mib };
    nodes.push({ id: sn, poolId: POOL, ...size, domains: {}, ordinal: nodes.length });
  }
  return ok(nodes);
}

function readPods(file: TableFile): Outcome<Pick<OpenbTrace, 'shapes' | 'pods'>> {
  const table = readTable(file, {
    name: someText,
    cpu_milli: wholeNumber(0, AMOUNT_MAX),
    memory_mib: wholeNumber(0, AMOUNT_MAX),
    num_gpu: wholeNumber(0, NODE_ACCELERATORS_MAX),
    gpu_milli: wholeNumber(0, WHOLE_MILLI),
    gpu_spec: optional(anyText, ''),
  });
  if (!table.ok) return table;
  if (table.value.length > JOB_LIMITS.traceJobsMaxCount) return tooMany(file, table.value.length, 'traceJobsMaxCount');
  const shapes: { shape: Shape; weight: number }[] = [];
  const indexes = new Map<string, number>();
  const pods: number[] = [];
  for (const row of table.value.toSorted((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)))) {
    if (row.num_gpu > 0 && row.gpu_milli === 0) {
      return refuse('invalid_value', `${file.name} line ${row.line} column gpu_milli: "0" is not what one of ${row.num_gpu} GPUs gives`);
    }
    const shape = shapeOf(row);
    const key = JSON.stringify([shape, [...(shape.accelerators ?? [])]]);
    const index = indexes.get(key) ?? shapes.length;
    indexes.set(key, index);
    const known = shapes[index];
    shapes[index] = { shape: known?.shape ?? shape, weight: (known?.weight ?? 0) + 1 };
    pods.push(index);
  }
  return ok({ shapes, pods });
}

interface PodRow {
  readonly cpu_milli: number;
  readonly memory_mib: number;
  readonly num_gpu: number;
  readonly gpu_milli: number;
  readonly gpu_spec: string;
}

/** A job without GPUs is the same whatever its other columns say of them; one without `gpu_spec` takes any. */
function shapeOf({ cpu_milli, memory_mib, num_gpu, gpu_milli, gpu_spec }: PodRow): Shape {
  return {
    cpuMilli: cpu_milli,
    memoryMib: memory_mib,
    acceleratorCount: num_gpu,
    milliEach: num_gpu === 0 ? WHOLE_MILLI : gpu_milli,
    accelerators: num_gpu === 0 || gpu_spec === '' ? null : new Set(gpu_spec.split('|').toSorted()),
  };
}

function tooMany({ name }: TableFile, count: number, limit: 'traceNodesMaxCount' | 'traceJobsMaxCount') {
  return refuseBeyond({ limit, value: count, what: `${name} has ${count} rows` });
}

/** Thousandths of accelerators that some nodes have. */
export const capacityMilli = (nodes: readonly NodeSpec[]): number =>
  nodes.reduce((sum, { acceleratorCount }) => sum + acceleratorCount * WHOLE_MILLI, 0);
