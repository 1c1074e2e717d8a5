import type { VectorColumns } from '../../ann/shard-protocol.ts';

/** What a match takes besides its characters and numbers. */
const MATCH_OVERHEAD_BYTES = 64;
const ENTRY_OVERHEAD_BYTES = 512;

/** What an isolate holds with matches that it keeps. */
export function bytesHeld({ ids, values, metadata, texts, contents }: VectorColumns): number {
  const chars = [ids, metadata ?? [], texts ?? [], contents ?? []].flat().reduce((sum, text) => sum + (text?.length ?? 0), 0);
  return 2 * chars + (values?.byteLength ?? 0) + ids.length * MATCH_OVERHEAD_BYTES + ENTRY_OVERHEAD_BYTES;
}
