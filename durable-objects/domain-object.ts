import { DurableObject } from 'cloudflare:workers';

import type { Clock } from '../src/kernel/clock.ts';
import { systemClock } from './system-time.ts';

/**
 * The class of the Durable Objects whose calls are methods of a class of the domain, which keeps what it knows in the object's storage. What
 * `names` leaves out cannot be called.
 */
export function objectOf<Domain extends object, Name extends keyof Domain & string>(
  Registry: new (storage: DurableObjectStorage, clock: Clock) => Domain,
  names: readonly Name[],
): new (ctx: DurableObjectState, env: unknown) => DurableObject & Pick<Domain, Name> {
  class DomainObject extends DurableObject {
    readonly domain = new Registry(this.ctx.storage, systemClock);
  }
  for (const name of names) {
    Object.defineProperty(DomainObject.prototype, name, {
      value(this: DomainObject, ...args: unknown[]): unknown {
        return (this.domain[name] as (...given: unknown[]) => unknown).apply(this.domain, args);
      },
    });
  }
  return DomainObject as never;
}
