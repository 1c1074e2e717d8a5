/** One page of a list in order of creation. */
export interface PageOf<T> {
  readonly items: readonly T[];
  readonly hasMore: boolean;
}
