import { createDurable, proxyDurable } from 'itty-durable';

/** What itty-durable is used for here: synchronous methods over this object's own SQLite, arguments and answers as JSON. */
interface SyncDurable {
  /** Bindings are under `env` alone: on the object itself the library replaces them by proxies of its own. */
  readonly state: { readonly storage: DurableObjectStorage; readonly env: unknown };
  fetch(request: Request): Promise<Response>;
}

/** The methods of an object as its callers see them. JSON has no undefined: methods answer a value. */
export type Remote<T> = {
  readonly [K in keyof T as T[K] extends (...args: never[]) => unknown ? K : never]: T[K] extends (...args: infer A) => infer R
    ? (...args: A) => Promise<Awaited<R>>
    : never;
};

// The library's own types are `any` and `{}`. The casts of this file are the only ones.
// `autoPersist` stays off: it would rewrite the whole object after each call, unawaited. State is rows.
export const SyncObject = createDurable({ autoPersist: false }) as unknown as new (state: DurableObjectState, env: unknown) => SyncDurable;

/** A typed stub of the object called `name`. Its calls reject when the object cannot be reached or throws. */
export function syncStub<T extends SyncDurable>(namespace: DurableObjectNamespace, name: string): Remote<Omit<T, keyof SyncDurable>> {
  return proxyDurable(namespace, { parse: true }).get(name) as Remote<Omit<T, keyof SyncDurable>>;
}
