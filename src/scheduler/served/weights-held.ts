import type { Cell } from '../engine/cell/cell.ts';
import type { JobSpec } from '../engine/model/job-spec.ts';

/** The weights that a job works with, and on how many nodes they are. Plain data. */
export interface HeldModel {
  readonly model: string;
  readonly memoryMib: number;
  /** What loading them takes on a node that has not measured it. */
  readonly loadMs: number;
  readonly nodes: number;
}

/** How many of these nodes hold the weights of a job now; of all nodes where none are named. Null: it needs no weights. */
export function weightsHeld({ fleet }: Cell, { weights }: JobSpec, nodeIds?: readonly string[]): HeldModel | null {
  if (weights === null) return null;
  const holders = new Set([...fleet.pools].flatMap(({ spec }) => fleet.nodesWithWeights(spec.id, weights.model)));
  const nodes = nodeIds === undefined ? holders.size : nodeIds.filter((id) => holders.has(fleet.find(id)?.index ?? -1)).length;
  return { ...weights, nodes };
}
