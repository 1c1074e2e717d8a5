/** One page of a list. */
export interface PageOf<T> {
  readonly items: readonly T[];
  readonly hasMore: boolean;
}

/** A page of at most `limit`, of what was found when one more was asked for. */
export const pageOf = <T>(found: readonly T[], limit: number): PageOf<T> => ({
  items: found.slice(0, limit),
  hasMore: found.length > limit,
});
