import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from '../../../src/kernel/assert.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { acceleratorMilli } from '../../../src/scheduler/engine/placement/workload-mix.ts';
import { PUBLISHED_FGD } from '../../../src/scheduler/simulator/openb/fgd.ts';
import type { OpenbTrace } from '../../../src/scheduler/simulator/openb/read-openb.ts';
import { capacityMilli, readOpenb } from '../../../src/scheduler/simulator/openb/read-openb.ts';
import { arrivals, OPENB_POLICIES, replayOpenb } from '../../../src/scheduler/simulator/openb/replay.ts';
import { startsOfEngine, startsOfServedCell } from '../../support/worlds/served-suite.ts';
import { cpuMs } from '../scheduler/cpu-ms.ts';
import { numberOf, openbWorld } from '../served/openb-world.ts';
import { traceFile, valueOf } from './trace-file.ts';

const SEED = 42;
/** What has arrived when allocations are compared, in percent of what the cluster has; the last stands for all. */
const MARKS = [95, 100, 130] as const;

interface ServedOpenbRow {
  readonly trace: string;
  readonly placementAlone: readonly string[];
  readonly engine: readonly string[];
  readonly served: readonly string[];
  readonly fgdPublished: readonly string[] | null;
  /** Jobs that the engine alone and the served cell started at the same time on the same nodes, of those that either started. */
  readonly alike: string;
  readonly cpuMsPerJob: number;
}

/**
 * The openb protocol through the cell that is served: jobs submitted one by one, pools that report, every step stored. Beside it the engine
 * alone, which has to decide the same, and the placement alone, which is given all shapes of the trace in advance.
 */
export async function servedOpenbTable(folder: string, quick: boolean): Promise<readonly ServedOpenbRow[]> {
  const nodes = await traceFile(join(folder, 'openb_node_list_gpu_node.csv'));
  const lists = (await readdir(folder)).filter((name) => /^openb_pod_list_\w+\.csv$/.test(name)).sort();
  const rows: ServedOpenbRow[] = [];
  for (const list of quick ? ['openb_pod_list_default.csv'] : lists) {
    const trace = valueOf(readOpenb(nodes, await traceFile(join(folder, list))));
    rows.push(servedRow(list.slice('openb_pod_list_'.length, -'.csv'.length), trace));
  }
  console.log(
    `openb through the served cell, SQLite in memory, simulated time: accelerators allocated, %, at ${MARKS.join(' / ')} %, seed ${SEED}`,
  );
  console.table(rows);
  return rows;
}

function servedRow(name: string, trace: OpenbTrace): ServedOpenbRow {
  const random = new Seeded(SEED);
  const order = arrivals(trace, capacityMilli(trace.nodes), () => random.next());
  const world = openbWorld(trace, order);
  const engine = startsOfEngine(world);
  const startedMs = cpuMs();
  const served = startsOfServedCell(world);
  const tookMs = cpuMs() - startedMs;
  const known = new Set(engine.map((start) => JSON.stringify(start)));
  const alike = served.filter((start) => known.has(JSON.stringify(start))).length;
  const alone = replayOpenb(trace, order, OPENB_POLICIES.sluice).curve;
  const published = PUBLISHED_FGD[name];
  const atMarks = (starts: typeof engine): readonly string[] =>
    allocated(trace, order, new Set(starts.map(({ jobId }) => numberOf(jobId))));
  return {
    trace: name,
    placementAlone: MARKS.map((mark) => percent((mark === 130 ? alone.at(-1) : alone[mark])?.allocatedPct ?? 0)),
    engine: atMarks(engine),
    served: atMarks(served),
    fgdPublished: published === undefined ? null : MARKS.map((mark) => percent(published[mark])),
    alike: `${alike} of ${engine.length + served.length - alike}`,
    cpuMsPerJob: Number((tookMs / order.length).toFixed(2)),
  };
}

const percent = (value: number): string => value.toFixed(2);

/** Percent of the accelerators that the placed jobs have, when so much has arrived. */
function allocated({ nodes, shapes }: OpenbTrace, order: readonly number[], placed: ReadonlySet<number>): readonly string[] {
  const total = capacityMilli(nodes);
  let [arrived, taken] = [0, 0];
  const found = new Map<number, string>();
  for (const [n, index] of order.entries()) {
    const milli = acceleratorMilli(must(shapes[index], 'arrivals are shapes of the trace').shape);
    arrived += milli;
    if (placed.has(n)) taken += milli;
    for (const mark of MARKS)
      if (!found.has(mark) && Math.floor((100 * arrived) / total) >= mark) found.set(mark, percent((100 * taken) / total));
  }
  found.set(130, percent((100 * taken) / total));
  return MARKS.map((mark) => found.get(mark) ?? '-');
}
