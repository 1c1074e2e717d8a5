import type { PoolId } from '../../../kernel/ids.ts';
import type { NodeTemplate } from './pool-spec.ts';

/** A machine that jobs run on. */
export interface NodeSpec extends NodeTemplate {
  readonly id: string;
  readonly poolId: PoolId;
  /** The domains it lies in, by level, such as `rack: r7` or, for a TPU host, `slice: pod-2`. */
  readonly domains: Readonly<Record<string, string>>;
  /** Its ordinal among its neighbours: slices of TPUs are blocks of hosts whose first ordinal is a multiple of the block's size. */
  readonly ordinal: number;
}
