import type { ClusterState } from '../../engine/model/cluster-state.ts';
import { CostBoard } from '../../engine/placement/cost-board.ts';
import { Scarcity } from '../../engine/placement/scarcity.ts';
import type { WeightedShape } from '../../engine/placement/shape.ts';
import { WasteCost } from '../../engine/placement/waste-cost.ts';
import { FgdCost } from './fgd-cost.ts';
import { typicalShapes } from './typical-shapes.ts';

/** How nodes are chosen in a replay, made for a cluster and the jobs that will come. */
export type OpenbPolicy = (cluster: ClusterState, shapes: readonly WeightedShape[]) => CostBoard;

/** Sluice's, as its engine places jobs, and the published one for comparison. */
export const OPENB_POLICIES = {
  sluice: (cluster, shapes) => new CostBoard(cluster, new WasteCost(cluster, shapes), new Scarcity(cluster, shapes)),
  fgd: (cluster, shapes) => new CostBoard(cluster, new FgdCost(cluster, typicalShapes(shapes)), null),
} as const satisfies Record<string, OpenbPolicy>;
