import type { PageOf } from '../../../src/tenancy/document-store.ts';

/** A moment as the API writes it. */
export const seconds = (ms: number): number => Math.floor(ms / 1000);

export const pageReply = <T, Item>({ items, hasMore }: PageOf<T>, itemReply: (item: T) => Item) => ({
  object: 'list' as const,
  data: items.map(itemReply),
  has_more: hasMore,
});
