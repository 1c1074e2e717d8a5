import { createDurable } from 'itty-durable';

/** What itty-durable is used for here: synchronous methods over this object's own SQLite, arguments and answers as JSON. */
export interface SyncDurable {
  /** Bindings are under `env` alone: on the object itself the library replaces them by proxies of its own. */
  readonly state: { readonly storage: DurableObjectStorage; readonly env: unknown };
  fetch(request: Request): Promise<Response>;
}

// The library's own types are `any` and `{}`. The casts of this file and of `sync-stub.ts` are the only ones.
// `autoPersist` stays off: it would rewrite the whole object after each call, unawaited. State is rows.
export const SyncObject = createDurable({ autoPersist: false }) as unknown as new (state: DurableObjectState, env: unknown) => SyncDurable;
