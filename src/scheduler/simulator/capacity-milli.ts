import { WHOLE_MILLI } from '../engine/model/accelerator-type.ts';
import type { NodeSpec } from '../engine/model/node-spec.ts';

/** Thousandths of accelerators that some nodes have. */
export const capacityMilli = (nodes: readonly NodeSpec[]): number =>
  nodes.reduce((sum, { acceleratorCount }) => sum + acceleratorCount * WHOLE_MILLI, 0);
