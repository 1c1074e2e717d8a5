import type { PoolId } from '../../../kernel/ids.ts';
import type { Placement } from '../model/placement.ts';

/** A placement a job could have now. */
export interface Offer {
  readonly option: number;
  readonly poolId: PoolId;
  readonly placement: Placement;
  /** Of all of it. */
  readonly nanoDollarsPerHour: number;
}
