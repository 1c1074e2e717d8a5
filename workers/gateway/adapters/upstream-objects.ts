import type { ObjectNamespace } from '../../../durable-objects/object-namespace.ts';
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

/** What the object does; see `UpstreamObject`. */
export type UpstreamStub = Omit<UpstreamCalls, keyof OfOwner> & OfOwner;

/** The objects of upstreams as ports. A stub belongs to the request that made it, so each call makes its own. */
export const upstreamsOf =
  (namespace: ObjectNamespace<UpstreamStub>): UpstreamsOf =>
  (owner) => {
    const object = () => namespace.getByName(owner);
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
