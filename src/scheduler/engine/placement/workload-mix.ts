import type { NodeDemand, JobSpec } from '../model/job-spec.ts';

/** All that placement on one node distinguishes jobs by. */
export interface Shape extends NodeDemand {
  /** The types of accelerators it accepts; null when any. */
  readonly accelerators: ReadonlySet<string> | null;
}

/** A shape and how many jobs of it are usually seen among others. */
export interface WeightedShape {
  readonly shape: Shape;
  readonly weight: number;
}

/** What a shape takes of accelerators. */
export const acceleratorMilli = ({ acceleratorCount, milliEach }: NodeDemand): number => acceleratorCount * milliEach;

/** Whether a shape may use an accelerator type. */
export const acceptsType = ({ accelerators }: Shape, type: string): boolean => accelerators === null || accelerators.has(type);

interface Entry {
  readonly key: string;
  readonly shape: Shape;
  /** Nodes a job takes of it. */
  readonly nodes: number;
}

/**
 * What jobs ask of a node, and how often: those of all jobs that are not finished, as what is wanted now is the best guess at what will be.
 * Counts are powers of two, so that the mix changes rarely while jobs come and go. It depends on the jobs alone, not on the order in which they came.
 */
export class WorkloadMix {
  readonly #shapes = new Map<string, { readonly shape: Shape; count: number }>();
  readonly #entries = new WeakMap<JobSpec['options'], readonly Entry[]>();
  #version = 0;

  /** Another whenever `shapes` may be. */
  get version(): number {
    return this.#version;
  }

  add(spec: JobSpec): void {
    this.#change(spec, 1);
  }

  remove(spec: JobSpec): void {
    this.#change(spec, -1);
  }

  /** In the same order whatever came first. */
  shapes(): readonly WeightedShape[] {
    return [...this.#shapes].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, { shape, count }]) => ({ shape, weight: powerOfTwo(count) }));
  }

  #change({ options }: JobSpec, sign: 1 | -1): void {
    const entries = this.#entries.get(options) ?? entriesOf(options);
    this.#entries.set(options, entries);
    for (const { key, shape, nodes } of entries) {
      const known = this.#shapes.get(key) ?? { shape, count: 0 };
      const before = powerOfTwo(known.count);
      known.count += sign * nodes;
      if (known.count === 0) this.#shapes.delete(key);
      else this.#shapes.set(key, known);
      if (powerOfTwo(known.count) !== before) this.#version += 1;
    }
  }
}

/** Options that ask the same of a node are one shape that accepts the types of all of them. Memory is left aside, as it never decides. */
function entriesOf(options: JobSpec['options']): readonly Entry[] {
  const merged = new Map<string, { readonly option: JobSpec['options'][number]; readonly types: Set<string> }>();
  for (const option of options) {
    const { cpuMilli, acceleratorCount, milliEach } = option.perNode;
    const key = `${cpuMilli} ${acceleratorCount} ${milliEach}`;
    const known = merged.get(key) ?? { option, types: new Set() };
    merged.set(key, known);
    if (option.accelerator !== null) known.types.add(option.accelerator);
  }
  return Array.from(merged, ([key, { option, types }]): Entry => {
    const { cpuMilli, acceleratorCount, milliEach } = option.perNode;
    const accelerators = acceleratorCount === 0 ? null : new Set([...types].toSorted());
    const shape = { cpuMilli, memoryMib: 0, acceleratorCount, milliEach, accelerators };
    return { key: `${key} ${[...(accelerators ?? [])].join('\n')}`, shape, nodes: option.nodes.min };
  });
}

const powerOfTwo = (count: number): number => (count === 0 ? 0 : 2 ** Math.floor(Math.log2(count)));
