import type { FileRecord } from '../../../src/contract/files/file-record.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { StoredFile } from '../../../src/gateway/files/file-store.ts';
import type { PageOf } from '../../../src/kernel/page.ts';

/** A moment as the API writes it. */
export const seconds = (ms: number): number => Math.floor(ms / 1000);

export const pageReply = <T, Item>({ items, hasMore }: PageOf<T>, itemReply: (item: T) => Item) => ({
  object: 'list' as const,
  data: items.map(itemReply),
  has_more: hasMore,
});

/** A page of an outcome, as `replied` takes it. */
export const pageOf =
  <T, Item>(itemReply: (item: T) => Item) =>
  (page: PageOf<T>) =>
    pageReply(page, itemReply);

/** The answer of a call that uses no meter: what was asked for as the wire shows it, or the refusal. */
export async function replied<T, Reply>(asked: Outcome<T> | Promise<Outcome<T>>, shape: (value: T) => Reply | Promise<Reply>) {
  const outcome = await asked;
  return outcome.ok ? { ok: true as const, reply: await shape(outcome.value), used: {} } : outcome;
}

/** The same of a list that is never refused. */
export const listed = async <T, Item>(page: Promise<PageOf<T>>, itemReply: (item: T) => Item) => ({
  ok: true as const,
  reply: pageReply(await page, itemReply),
  used: {},
});

export const fileReply = (file: StoredFile): FileRecord => ({
  id: file.id,
  object: 'file',
  bytes: file.bytes,
  created_at: seconds(file.createdAtMs),
  filename: file.filename,
  purpose: file.purpose,
  owner: file.owner,
  status: 'processed',
  expires_at: file.expiresAtMs === null ? null : seconds(file.expiresAtMs),
});
