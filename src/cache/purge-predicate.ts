/** Which entries of one tenant a purge takes. A null contract stands for every model; a given one must match as well. */
export type PurgePredicate =
  | { readonly kind: 'everything'; readonly contractHash: string | null }
  | { readonly kind: 'keys'; readonly digests: readonly string[]; readonly contractHash: string | null };

/** A predicate in its tenant's log. It takes the entries whose fill started at a lower position. */
export interface LoggedPredicate {
  /** 1 for the first purge of a tenant; rises by one with each. */
  readonly position: number;
  readonly predicate: PurgePredicate;
}

/** What of a cached entry decides whether a purge took it. */
export interface Purgeable {
  readonly contractHash: string;
  readonly digest: string;
  /** Position of the log, as far as the filler knew it, when the fill started. */
  readonly position: number;
}

export const takesAll = (predicate: PurgePredicate): boolean => predicate.kind === 'everything' && predicate.contractHash === null;

export const digestCount = (predicate: PurgePredicate): number => (predicate.kind === 'keys' ? predicate.digests.length : 0);
