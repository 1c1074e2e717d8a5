import type { ListingStart } from '../../ann/id-order.ts';
import { firstColumns, joinColumns } from '../../index/fan-out/answer-columns.ts';
import type { Counted, Include, ShardVectors, VectorColumns } from '../../ann/shard-protocol.ts';
import type { Filter } from '../../contract/vectors/filter.ts';
import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { ok } from '../../kernel/result.ts';
import type { OnIndex } from './vectors.ts';
import { checkReply } from './vectors.ts';
import type { IndexRef, IndexUser } from '../indexes/index-ref.ts';
import { onIndex } from '../indexes/index-ref.ts';
import type { IndexShards } from '../../index/shards/index-shards.ts';
import type { ManifestCache } from '../indexes/manifest-cache.ts';
import { Composed } from '../api/composed.ts';

export interface ListingQuery {
  readonly namespace: string;
  readonly filter: Filter | null;
  /** Null: at the first. */
  readonly start: ListingStart | null;
  readonly limit: number;
  readonly include: Include;
}

/** Vectors in the order of `compareIds`, as many as were asked for unless there are no more. */
export interface VectorPage extends ShardVectors {
  /** The id that comes next, or null. */
  readonly following: string | null;
}

interface VectorListingParts {
  readonly manifests: ManifestCache;
  readonly shards: IndexShards;
}

/** Lists and counts the vectors of an index. */
export class VectorListing extends Composed<VectorListingParts> {
  /** Slice by slice: the shards answer others in between. Refuses as they do. */
  list(user: IndexUser, index: IndexRef, query: ListingQuery): Promise<Outcome<OnIndex<VectorPage>>> {
    const { manifests, shards } = this.parts;
    return onIndex(manifests, user, index, async (manifest) => {
      const fits = checkReply(manifest, query.include.values, query.limit, 'limit');
      if (!fits.ok) return fits;
      const parts: VectorColumns[] = [];
      let { start } = query;
      // One more than requested shows what follows.
      for (let missing = query.limit + 1; ;) {
        const listed = await shards.of(manifest).read('list', { ...query, indexId: manifest.id, start, limit: missing });
        if (!listed.ok) return listed;
        const { next, lsn, ...columns } = listed.value;
        parts.push(columns);
        missing -= columns.ids.length;
        const bytes = bytesOf(parts);
        if (bytes > VECTOR_LIMITS.retrievalReplyBytesMax) return refuseSize(bytes);
        if (missing === 0 || next === null) return ok({ ...pageOf(parts, query.limit, manifest.dimensions), lsn, manifest });
        start = { id: next, isIncluded: false };
      }
    });
  }

  count(user: IndexUser, index: IndexRef, namespace: string, filter: Filter | null): Promise<Outcome<OnIndex<Counted>>> {
    return onIndex(this.parts.manifests, user, index, async (manifest) => {
      const counted = await this.parts.shards.of(manifest).read('count', { indexId: manifest.id, namespace, filter });
      return counted.ok ? ok({ ...counted.value, manifest }) : counted;
    });
  }
}

function pageOf(parts: readonly VectorColumns[], limit: number, dimensions: number) {
  const joined = joinColumns(parts);
  return { ...firstColumns(joined, limit, dimensions), following: joined.ids[limit] ?? null };
}

/** Each slice is within the limit; together they must be, too. */
const bytesOf = (parts: readonly VectorColumns[]): number =>
  parts.length === 1
    ? 0
    : parts.reduce(
        (sum, { ids, metadata, texts, contents }) =>
          sum + [ids, metadata, texts, contents].reduce((all, column) => all + charsOf(column), 0),
        0,
      ) * 2;

const charsOf = (column: readonly (string | null)[] | null | undefined): number =>
  (column ?? []).reduce((sum, item) => sum + (item?.length ?? 0), 0);

const refuseSize = (bytes: number) =>
  refuseBeyond({
    path: 'limit',
    limit: 'retrievalReplyBytesMax',
    value: bytes,
    what: `the page takes at least ${bytes} bytes`,
    advice: 'ask for fewer vectors',
  });
