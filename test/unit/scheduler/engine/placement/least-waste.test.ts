import { describe, expect, it } from 'vitest';
import { ChangeLog, ClusterState } from '../../../../../src/scheduler/engine/model/cluster-state.ts';
import type { NodeSpec } from '../../../../../src/scheduler/engine/model/pool-spec.ts';
import type { PlacementRequest } from '../../../../../src/scheduler/engine/placement/placer.ts';
import { WorkloadMix } from '../../../../../src/scheduler/engine/placement/workload-mix.ts';
import { LeastWaste } from '../../../../../src/scheduler/engine/placement/least-waste.ts';
import { CellWorld, queue, cohort } from '../../../../support/worlds/cell-world.ts';
import { demand, jobSpec, nodeSpec, option } from '../../../../support/fixtures/scheduler-specs.ts';

const clusterOf = (...specs: Partial<NodeSpec>[]): ClusterState => {
  const cluster = new ClusterState();
  for (const [n, spec] of specs.entries()) cluster.add(nodeSpec(n, spec));
  return cluster;
};
const request = (overrides: Partial<PlacementRequest> = {}): PlacementRequest => ({
  nodes: [0, 1, 2, 3, 4, 5],
  demand: demand(1),
  count: 1,
  topology: null,
  allows: () => true,
  ...overrides,
});

describe('[PL9] the mix of jobs', () => {
  const cpu = (n: number, cpuMilli: number) => jobSpec(n, { options: [option(1, { perNode: demand(1, { cpuMilli }) })] });

  it('is counted in powers of two, and changes its version only when they do', () => {
    const mix = new WorkloadMix();
    const jobs = Array.from({ length: 9 }, (_, n) => cpu(n, 1_000));
    const weights: number[] = [];
    const versions: number[] = [];
    for (const job of jobs) {
      mix.add(job);
      weights.push(mix.shapes()[0]!.weight);
      versions.push(mix.version);
    }
    expect(weights).toEqual([1, 2, 2, 4, 4, 4, 4, 8, 8]);
    expect(versions).toEqual([1, 2, 2, 3, 3, 3, 3, 4, 4]);
    for (const job of jobs) mix.remove(job);
    expect(mix.shapes()).toEqual([]);
  });

  it('is the same in whatever order jobs came, and counts each node of a gang', () => {
    const either = jobSpec(1, { options: [option(1), option(1, { accelerator: 'A100' })] });
    const gang = jobSpec(2, { options: [option(8, { nodes: { min: 4, max: 8, step: 1 } })] });
    const none = jobSpec(3, { options: [option(0, { accelerator: null, perNode: demand(0) })] });
    const [one, other] = [new WorkloadMix(), new WorkloadMix()];
    for (const job of [either, gang, none]) one.add(job);
    for (const job of [none, gang, either]) other.add(job);
    expect(one.shapes()).toEqual(other.shapes());
    expect(one.shapes().map(({ shape: { acceleratorCount, accelerators }, weight }) => [acceleratorCount, accelerators, weight])).toEqual([
      [0, null, 1],
      [1, new Set(['A100', 'H100']), 1],
      [8, new Set(['H100']), 4],
    ]);
  });
});

describe('[PL10] the placer of the engine', () => {
  it('keeps what is left useful to the jobs there are', () => {
    // Both nodes fit; on the second the CPU that remains would be too little for the accelerators that do.
    const cluster = clusterOf({ acceleratorCount: 4, cpuMilli: 64_000 }, { acceleratorCount: 4, cpuMilli: 40_000 });
    const mix = new WorkloadMix();
    const placer = new LeastWaste(cluster, mix);
    const wanted = request({ nodes: [0, 1], demand: demand(1, { cpuMilli: 20_000 }) });
    expect(placer.place(wanted), 'nobody else is there: the fullest').toEqual([{ node: 1, mask: 1 }]);
    mix.add(jobSpec(1, { options: [option(1, { perNode: demand(1, { cpuMilli: 10_000 }) })] }));
    expect(placer.place(wanted)).toEqual([{ node: 0, mask: 1 }]);
  });

  it('keeps gangs in one domain, or in an aligned block, as it must', () => {
    const cluster = clusterOf(...['r1', 'r1', 'r1', 'r2', 'r2', 'r3'].map((rack) => ({ domains: { rack } })));
    const placer = new LeastWaste(cluster, new WorkloadMix());
    const nodesOf = (wanted: PlacementRequest) => placer.place(wanted)?.map(({ node }) => node);
    const topology = { level: 'rack', mode: 'required', block: false } as const;
    expect(nodesOf(request({ topology, count: 2 }))).toEqual([3, 4]);
    expect(nodesOf(request({ topology, count: 3 }))).toEqual([0, 1, 2]);
    expect(nodesOf(request({ topology, count: 4 }))).toBeUndefined();
    expect(nodesOf(request({ topology: { ...topology, mode: 'preferred' }, count: 4 }))).toEqual([0, 1, 2, 3]);
    expect(nodesOf(request({ topology: { ...topology, block: true }, count: 2 })), 'hosts 0 and 1').toEqual([0, 1]);
    cluster.open(1, false);
    expect(nodesOf(request({ topology: { ...topology, block: true }, count: 2 })), 'hosts 4 and 5 are of two racks').toBeUndefined();
  });

  it('goes on when the cluster outgrows it', () => {
    const cluster = clusterOf({ acceleratorCount: 1 });
    const placer = new LeastWaste(cluster, new WorkloadMix());
    expect(placer.place(request({ nodes: [0] }))).toEqual([{ node: 0, mask: 1 }]);
    for (let n = 1; n < 200; n++) cluster.add(nodeSpec(n, { acceleratorCount: n === 199 ? 8 : 1 }));
    expect(placer.place(request({ nodes: [...Array.from({ length: 200 }).keys()], demand: demand(8) }))).toEqual([
      { node: 199, mask: 255 },
    ]);
  });

  it('is asked by the engine: a job submitted goes where it leaves most to those that wait', () => {
    const nodes = [nodeSpec(0, { acceleratorCount: 4, cpuMilli: 64_000 }), nodeSpec(1, { acceleratorCount: 4, cpuMilli: 40_000 })];
    const world = new CellWorld({ cohorts: [cohort('all'), queue('a', 100)] }, nodes);
    // Waits for accelerators that are not there, and is what others are placed for.
    world.submit(1, { options: [option(8, { perNode: demand(8, { cpuMilli: 80_000 }) })] });
    const started = world.submit(2, { options: [option(1, { perNode: demand(1, { cpuMilli: 20_000 }) })] });
    expect(world.job(started).attempt?.placement.slots).toEqual([{ node: 0, mask: 1 }]);
  });
});

describe('[PL3] the log of changes', () => {
  it('returns what changed since, or that it is too long ago', () => {
    const log = new ChangeLog();
    for (let n = 0; n < 5_000; n++) log.note(n % 7);
    expect([...log.since(4_997)!]).toEqual([6, 0, 1]);
    expect([...log.since(5_000)!]).toEqual([]);
    expect([...log.since(5_000 - 4_096)!]).toHaveLength(4_096);
    expect(log.since(5_000 - 4_097)).toBeUndefined();
  });
});
