import { describe, expect, it } from 'vitest';
import { ClusterState } from '../../../../../src/scheduler/engine/model/cluster-state.ts';
import { UndoLog } from '../../../../../src/scheduler/engine/model/undo-log.ts';
import { demand, nodeSpec } from '../../../../support/fixtures/scheduler-specs.ts';

describe('[J21] nodes of a cluster', () => {
  it('come and go, and an index is used again', () => {
    const cluster = new ClusterState();
    const first = cluster.add(nodeSpec(0));
    const second = cluster.add(nodeSpec(1, { accelerator: null, acceleratorCount: 0 }));
    expect(cluster.nodesWith('H100')).toEqual([first]);
    expect(cluster.nodesWith(null)).toEqual([second]);
    cluster.remove(first);
    expect(cluster.nodesWith('H100')).toEqual([]);
    expect(cluster.fits(first, demand(0))).toBe(false);
    expect(cluster.add(nodeSpec(2))).toBe(first);
    expect(cluster.indexOf('node-2')).toBe(first);
    expect(cluster.indexOf('node-0')).toBeUndefined();
    expect(cluster.fits(first, demand(8))).toBe(true);
  });

  it('never hold more than they have, nor give back what was not taken', () => {
    const cluster = new ClusterState();
    cluster.add(nodeSpec(0, { acceleratorCount: 1 }));
    const half = { demand: demand(1, { milliEach: 500 }), slots: [{ node: 0, mask: 1 }] };
    expect(() => cluster.release(half)).toThrow('has that much');
    cluster.allocate(half);
    cluster.allocate(half);
    expect(() => cluster.allocate(half)).toThrow('has that much');
  });

  it('differ by revision when something changed', () => {
    const cluster = new ClusterState();
    cluster.add(nodeSpec(0));
    cluster.add(nodeSpec(1));
    const [before, other] = cluster.columns.revision;
    cluster.allocate({ demand: demand(1), slots: [{ node: 0, mask: 1 }] });
    expect(cluster.columns.revision[0]).toBeGreaterThan(before!);
    expect(cluster.columns.revision[1]).toBe(other);
  });
});

describe('[J21] an undo log', () => {
  it('keeps what an attempt answered something for, and undoes it with the trial around it', () => {
    const undo = new UndoLog();
    const values: number[] = [];
    const push = (value: number) => {
      values.push(value);
      undo.note(() => values.pop());
    };
    undo.trial(() => {
      push(1);
      expect(undo.allOrNothing(() => push(2))).toBeUndefined();
      expect(values).toEqual([1]);
      expect(undo.allOrNothing(() => (push(3), 'kept'))).toBe('kept');
      expect(values).toEqual([1, 3]);
    });
    expect(values).toEqual([]);
    expect(() =>
      undo.trial(() => {
        push(4);
        throw new Error('cut off');
      }),
    ).toThrow('cut off');
    expect(values).toEqual([]);
    expect(undo.isOpen).toBe(false);
  });
});
