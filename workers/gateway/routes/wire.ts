import type { Outcome } from '../../../src/contract/outcome.ts';
import type { FileRecord } from '../../../src/contract/file-record.ts';
import type { StoredFile } from '../../../src/gateway/jobs/file-store.ts';
import type { PageOf } from '../../../src/tenancy/document-store.ts';

/** A moment as the API writes it. */
export const seconds = (ms: number): number => Math.floor(ms / 1000);

export const pageReply = <T, Item>({ items, hasMore }: PageOf<T>, itemReply: (item: T) => Item) => ({
  object: 'list' as const,
  data: items.map(itemReply),
  has_more: hasMore,
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

/** The answer to a call that has used nothing: the reply that is made of what there is, or why there is none. */
export const replied = <T, Reply>(outcome: Outcome<T>, replyOf: (value: T) => Reply) =>
  outcome.ok ? ({ ok: true, reply: replyOf(outcome.value), used: {} } as const) : outcome;
