import type { TenantPrincipal } from '../../../../src/contract/principal.ts';
import type { Quantities } from '../../../../src/contract/meter.ts';
import type { Outcome } from '../../../../src/contract/outcome.ts';
import type { Gateway } from '../../compose.ts';

/** Of a call, what reading and writing points takes. */
export interface PointCall {
  readonly gateway: Gateway;
  readonly principal: TenantPrincipal;
  reserve(quantities: Quantities): Promise<Outcome<void>>;
}
