// The rest of the library, with a router of its own, is for objects alone.
import { proxyDurable } from 'itty-durable/proxy-durable.js';

import type { Remote } from '../src/kernel/remote.ts';

/** What itty-durable is used for here: synchronous methods over an object's own SQLite, arguments and answers as JSON. */
export interface SyncDurable {
  /** Bindings are under `env` alone: on the object itself the library replaces them by proxies of its own. */
  readonly state: { readonly storage: DurableObjectStorage; readonly env: unknown };
  fetch(request: Request): Promise<Response>;
}

/** A typed stub of the object called `name`. JSON has no undefined: methods answer a value. Its calls reject when the object cannot be reached or throws. */
export function syncStub<T extends SyncDurable>(namespace: DurableObjectNamespace, name: string): Remote<Omit<T, keyof SyncDurable>> {
  return proxyDurable(namespace, { parse: true }).get(name) as Remote<Omit<T, keyof SyncDurable>>;
}
