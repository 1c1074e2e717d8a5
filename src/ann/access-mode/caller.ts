import type { IndexId } from '../../kernel/ids.ts';

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
