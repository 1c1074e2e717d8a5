import { LIMITS } from '../../../src/contract/limits.ts';
import type { UpstreamCalls, UpstreamsOf } from '../../../src/gateway/upstreams/upstream-calls.ts';
import { within } from './ask.ts';

const soon = <T>(work: Promise<T>): Promise<T> => within(work, LIMITS.controlTimeoutMs);

/** It erases the routes of its owner, too. */
interface ErasedByOwner {
  erase(owner: string): Promise<void>;
}

/** The objects of upstreams as ports. A stub belongs to the request that made it, so each call makes its own. */
export const upstreamsOf =
  (namespace: DurableObjectNamespace): UpstreamsOf =>
  (owner) => {
    // As with every stub, the generated types lose what the class promises on the way.
    const object = () => namespace.get(namespace.idFromName(owner)) as unknown as UpstreamCalls & ErasedByOwner;
    return {
      create: (...rest) => soon(object().create(...rest)),
      change: (...rest) => soon(object().change(...rest)),
      remove: (...rest) => soon(object().remove(...rest)),
      find: (...rest) => soon(object().find(...rest)),
      page: (...rest) => soon(object().page(...rest)),
      models: (...rest) => soon(object().models(...rest)),
      count: () => soon(object().count()),
      snapshot: (...rest) => soon(object().snapshot(...rest)),
      erase: () => soon(object().erase(owner)),
    };
  };
