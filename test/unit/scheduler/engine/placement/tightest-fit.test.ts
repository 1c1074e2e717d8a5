import { describe, expect, it } from 'vitest';
import { ClusterState } from '../../../../../src/scheduler/engine/model/cluster-state.ts';
import type { NodeSpec } from '../../../../../src/scheduler/engine/model/pool-spec.ts';
import type { PlacementRequest } from '../../../../../src/scheduler/engine/placement/placer.ts';
import { TightestFit } from '../../../../../src/scheduler/engine/placement/tightest-fit.ts';
import { demand, nodeSpec } from '../../../../support/fixtures/scheduler-specs.ts';

const place = (cluster: ClusterState, wanted: PlacementRequest) => new TightestFit(cluster).place(wanted);

const clusterOf = (...specs: Partial<NodeSpec>[]): ClusterState => {
  const cluster = new ClusterState();
  for (const [n, spec] of specs.entries()) cluster.add(nodeSpec(n, spec));
  return cluster;
};

const request = (overrides: Partial<PlacementRequest> = {}): PlacementRequest => ({
  nodes: [0, 1, 2, 3, 4, 5],
  demand: demand(4),
  count: 1,
  topology: null,
  allows: () => true,
  ...overrides,
});

const nodesOf = (cluster: ClusterState, wanted: PlacementRequest) => place(cluster, wanted)?.map(({ node }) => node);

describe('[J22] placing on the tightest nodes', () => {
  it('fills what is begun, first node first among equals', () => {
    const cluster = clusterOf({}, {}, { acceleratorCount: 4 });
    expect(place(cluster, request())).toEqual([{ node: 2, mask: 0b1111 }]);
    expect(nodesOf(cluster, request({ demand: demand(8) }))).toEqual([0]);
    expect(nodesOf(cluster, request({ demand: demand(8), count: 3 }))).toBeUndefined();
    expect(nodesOf(cluster, request({ count: 3 }))).toEqual([2, 0, 1]);
    expect(nodesOf(cluster, request({ allows: (node) => node === 1 }))).toEqual([1]);
  });

  it('puts parts on the device that is left with least', () => {
    const cluster = clusterOf({ acceleratorCount: 2 });
    cluster.allocate({ demand: demand(1, { milliEach: 600 }), slots: [{ node: 0, mask: 0b10 }] });
    expect(place(cluster, request({ demand: demand(1, { milliEach: 400 }) }))).toEqual([{ node: 0, mask: 0b10 }]);
    expect(place(cluster, request({ demand: demand(1, { milliEach: 500 }) }))).toEqual([{ node: 0, mask: 0b01 }]);
  });

  it('keeps work without accelerators off nodes that have them while it can', () => {
    const cluster = clusterOf({}, { accelerator: null, acceleratorCount: 0 });
    const wanted = request({ nodes: [1, 0], demand: demand(0, { cpuMilli: 40_000 }) });
    expect(nodesOf(cluster, wanted)).toEqual([1]);
    expect(nodesOf(cluster, { ...wanted, count: 2 })).toEqual([1, 0]);
  });

  it('keeps a gang in one domain, the smallest that has room, if that is required', () => {
    const racks = ['r1', 'r1', 'r1', 'r2', 'r2', 'r3'].map((rack) => ({ domains: { rack } }));
    const cluster = clusterOf(...racks);
    const topology = { level: 'rack', mode: 'required', block: false } as const;
    expect(nodesOf(cluster, request({ topology, count: 2 }))).toEqual([3, 4]);
    expect(nodesOf(cluster, request({ topology, count: 3 }))).toEqual([0, 1, 2]);
    expect(nodesOf(cluster, request({ topology, count: 4 }))).toBeUndefined();
    expect(nodesOf(cluster, request({ topology: { ...topology, mode: 'preferred' }, count: 4 }))).toEqual([0, 1, 2, 3]);
  });

  it('gives a slice an aligned block of neighbours', () => {
    const cluster = clusterOf(...Array.from({ length: 6 }, () => ({ domains: { slice: 'pod-1' } })));
    const topology = { level: 'slice', mode: 'required', block: true } as const;
    expect(nodesOf(cluster, request({ topology, count: 4 }))).toEqual([0, 1, 2, 3]);
    cluster.open(1, false);
    expect(nodesOf(cluster, request({ topology, count: 4 })), 'hosts 2 to 5 are not aligned').toBeUndefined();
    expect(nodesOf(cluster, request({ topology, count: 2 }))).toEqual([2, 3]);
  });
});
