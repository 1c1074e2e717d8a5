import type { ClusterState } from '../../model/cluster-state.ts';
import { CostBoard } from '../../placement/cost-board.ts';
import { Scarcity } from '../../placement/scarcity.ts';
import type { WeightedShape } from '../../placement/shape.ts';
import { WasteCost } from '../../placement/waste-cost.ts';
import { FgdCost } from './fgd-cost.ts';
import { typicalShapes } from './typical-shapes.ts';

/** How nodes are chosen in a replay, made for a cluster and the jobs that will come. */
export type OpenbPolicy = (cluster: ClusterState, shapes: readonly WeightedShape[]) => CostBoard;

/** Sluice's, as its engine places jobs, and the published one for comparison. */
export const OPENB_POLICIES = {
  sluice: (cluster, shapes) => new CostBoard(cluster, new WasteCost(cluster, shapes), new Scarcity(cluster, shapes)),
  fgd: (cluster, shapes) => new CostBoard(cluster, new FgdCost(cluster, typicalShapes(shapes)), null),
} as const satisfies Record<string, OpenbPolicy>;
