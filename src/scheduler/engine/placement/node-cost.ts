import type { Shape } from './shape.ts';

/** What placing a job on a node costs the jobs to come, and the accelerators it would take there. */
export interface NodeChoice {
  /** Lower is better. Only differences between nodes mean something. */
  readonly cost: number;
  readonly mask: number;
}

/** Judges the nodes that a shape fits. Looks at nothing but the node, so that an answer holds until the node changes. */
export interface NodeCost {
  choose(node: number, shape: Shape): NodeChoice;
}
