import type { Outcome } from '../contract/api/outcome.ts';
import { refuse } from '../contract/api/outcome.ts';
import type { IndexId } from '../kernel/ids.ts';
import { ok } from '../kernel/result.ts';

/** What calls an object of an index. It decides, with the access mode of the object, whether the call is served: see `admit`. */
export type Caller =
  /** A gateway, on behalf of a client. */
  | { readonly kind: 'client' }
  /** An object of the same index, such as a locator that writes rows or a shard that moves some: the write was admitted there. */
  | { readonly kind: 'index-object' }
  /** The work that fills another generation. Each run of it has a higher token than the runs before. */
  | { readonly kind: 'follower'; readonly fencingToken: number };

/** The index that a call is meant for, and what calls. */
export interface Addressed {
  readonly indexId: IndexId;
  /** Absent: a client, which has the fewest rights. */
  readonly caller?: Caller | undefined;
}

export const CLIENT: Caller = { kind: 'client' };

export const INDEX_OBJECT: Caller = { kind: 'index-object' };

export const followerWith = (fencingToken: number): Caller => ({ kind: 'follower', fencingToken });

/**
 * What an object of an index serves: everything; reads alone, while its vectors are handed over; or nothing but the follower that fills
 * it from another generation.
 */
export type AccessMode = 'open' | 'sealed' | 'closed';

/** The access mode of an object, and the highest fencing token of a follower that it has seen: writes with a lower one come too late. */
export interface AccessState {
  readonly mode: AccessMode;
  readonly fencingToken: number;
}

/** The state of an object that was never sealed or closed. */
export const OPEN: AccessState = { mode: 'open', fencingToken: 0 };

/** Refuses with `index_moving` a client that the access mode keeps out, and with `stale_fence` a write of a follower that was replaced. */
export function admit({ mode, fencingToken: newest }: AccessState, caller: Caller, isWrite: boolean): Outcome<null> {
  switch (caller.kind) {
    case 'index-object':
      return ok(null);
    case 'client': {
      const isServed = mode === 'open' || (mode === 'sealed' && !isWrite);
      return isServed ? ok(null) : refuse('index_moving', 'the index is switching generations; retry');
    }
    case 'follower': {
      const isLate = isWrite && (caller.fencingToken < newest || mode !== 'closed');
      return isLate ? refuse('stale_fence', 'another run of the follower has taken over') : ok(null);
    }
  }
}

/** What an object of an index stores of its access mode. */
interface AccessStore {
  /** The index it belongs to; undefined without one. */
  indexId(): IndexId | undefined;
  access(): AccessState;
  setAccess(state: AccessState): void;
}

/** Which callers get access to what an object of an index stores. */
export class AccessControl {
  readonly #store: AccessStore;

  constructor(store: AccessStore) {
    this.#store = store;
  }

  /** `own`: the index id of the object, where it was read already. Refuses with `index_not_found`, or as `admit` does. */
  pass({ indexId, caller = CLIENT }: Addressed, isWrite = false, own = this.#store.indexId()): Outcome<null> {
    if (own !== indexId) return notFound();
    // What other objects of the index do needs no look at the access mode, which is a read of the store.
    if (caller.kind === 'index-object') return ok(null);
    const known = this.#store.access();
    const admitted = admit(known, caller, isWrite);
    if (!admitted.ok) return admitted;
    const isNewer = isWrite && caller.kind === 'follower' && caller.fencingToken > known.fencingToken;
    if (isNewer) this.#store.setAccess({ mode: known.mode, fencingToken: caller.fencingToken });
    return ok(null);
  }

  /** Refuses with `stale_fence` a run that another one has taken over from, and with `index_not_found`. */
  set(indexId: IndexId, mode: AccessMode, fencingToken: number): Outcome<null> {
    if (this.#store.indexId() !== indexId) return notFound();
    if (fencingToken < this.#store.access().fencingToken) return refuse('stale_fence', 'another run of the follower has taken over');
    this.#store.setAccess({ mode, fencingToken });
    return ok(null);
  }
}

export const notFound = () => refuse('index_not_found', 'the index was deleted', 'index');

/** For callers with an outdated route: never seen by clients. */
export const STALE_ROUTE = refuse('stale_route', 'the index was resharded: fetch its routes and repeat the call');
