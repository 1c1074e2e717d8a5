import { LIMITS } from '../../../src/contract/limits.ts';
import type { UpstreamCalls, UpstreamsOf } from '../../../src/gateway/upstreams/upstream-calls.ts';
import { within } from './ask.ts';

const soon = <T>(work: Promise<T>): Promise<T> => within(work, LIMITS.controlTimeoutMs);

/** What it does for the routes of its owner, too, as an object does not know its own name. */
interface OfOwner {
  models(owner: string, ...rest: Parameters<UpstreamCalls['models']>): ReturnType<UpstreamCalls['models']>;
  model(owner: string, name: string): ReturnType<UpstreamCalls['model']>;
  erase(owner: string): Promise<void>;
}

/** The objects of upstreams as ports. A stub belongs to the request that made it, so each call makes its own. */
export const upstreamsOf =
  (namespace: DurableObjectNamespace): UpstreamsOf =>
  (owner) => {
    // As with every stub, the generated types lose what the class promises on the way.
    const object = () => namespace.get(namespace.idFromName(owner)) as unknown as Omit<UpstreamCalls, keyof OfOwner> & OfOwner;
    return {
      create: (...rest) => soon(object().create(...rest)),
      change: (...rest) => soon(object().change(...rest)),
      remove: (...rest) => soon(object().remove(...rest)),
      find: (...rest) => soon(object().find(...rest)),
      page: (...rest) => soon(object().page(...rest)),
      models: (...rest) => soon(object().models(owner, ...rest)),
      model: (name) => soon(object().model(owner, name)),
      count: () => soon(object().count()),
      snapshot: (...rest) => soon(object().snapshot(...rest)),
      erase: () => soon(object().erase(owner)),
    };
  };
