import type { PageOf } from '../../../src/kernel/page.ts';

/** A page as Anthropic's clients read it: they ask for the next one by the ids at its ends. */
export function anthropicPage<T, Item extends { readonly id: string }>({ items, hasMore }: PageOf<T>, itemReply: (item: T) => Item) {
  const data = items.map(itemReply);
  return { data, has_more: hasMore, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
}
