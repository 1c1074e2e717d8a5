import { DurableObject } from 'cloudflare:workers';

import type { Outcome } from '../src/contract/outcome.ts';
import type { Clock } from '../src/kernel/clock.ts';
import { systemClock } from './system-time.ts';

/**
 * The class of the Durable Objects whose calls are methods of a class of the domain, which keeps what it knows in the object's storage. What
 * `names` leaves out cannot be called. `refusal`: what is answered instead of a call, if anything.
 */
export function objectOf<Domain extends object, Name extends keyof Domain & string>(
  Registry: new (storage: DurableObjectStorage, clock: Clock) => Domain,
  names: readonly Name[],
  refusal?: (domain: Domain, name: Name) => Outcome<never> | undefined,
): new (ctx: DurableObjectState, env: unknown) => DurableObject & Pick<Domain, Name> {
  class DomainObject extends DurableObject {
    readonly domain = new Registry(this.ctx.storage, systemClock);
  }
  for (const name of names) {
    Object.defineProperty(DomainObject.prototype, name, {
      value(this: DomainObject, ...args: unknown[]): unknown {
        return refusal?.(this.domain, name) ?? (this.domain[name] as (...given: unknown[]) => unknown).apply(this.domain, args);
      },
    });
  }
  return DomainObject as never;
}
