import type { NodeSpec } from '../../engine/model/node-spec.ts';
import type { WeightedShape } from '../../engine/placement/shape.ts';

/** A cluster and the jobs that ask for a part of it, as in the traces of Alibaba's cluster of 2023 ("openb"). */
export interface OpenbTrace {
  readonly nodes: readonly NodeSpec[];
  /** What jobs ask for, with how many ask for it. */
  readonly shapes: readonly WeightedShape[];
  /** The shape of each job, by index, in the order of the jobs' names. */
  readonly pods: readonly number[];
}
