import type { Origin } from '../../src/gateway/sharded/location-hint.ts';
import { locationHint } from '../../src/gateway/sharded/location-hint.ts';

/** Where this isolate is: where its requests come in. */
export class GatewayPlace {
  hint: string | undefined;

  /** All requests of an isolate arrive in one colo. */
  see({ cf }: Request): void {
    this.hint ??= cf === undefined ? undefined : locationHint(cf as Origin);
  }
}
