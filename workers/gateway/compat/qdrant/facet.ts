import type { ListingStart } from '../../../../src/ann/id-order.ts';
import { compareText } from '../../../../src/ann/id-order.ts';
import type { JsonValue } from '../../../../src/contract/api/json-value.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { refuseBeyond } from '../../../../src/contract/limits/limit-refusal.ts';
import type { AskedFacet } from '../../../../src/contract/qdrant/facet.ts';
import type { IndexRef } from '../../../../src/gateway/indexes/index-ref.ts';
import { isRawJson, parseExactJson } from '../../../../src/kernel/exact-json.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import type { PointCall } from './call.ts';
import { enveloped, inQdrantWords } from './call.ts';
import { LIMIT_DEFAULT } from './find-points.ts';
import { isWord, valuesAt, withValues } from './values-at.ts';
import { replied } from '../../routes/wire.ts';

export const qdrantFacetHandlers = {
  qdrantFacet: async (call) => {
    const { indexes } = call.gateway.retrieval;
    return replied(
      indexes.onOne(call.principal, call.params.collection, (pin) => facetPoints(call, pin, call.body)),
      (hits) => enveloped(call, { hits }),
    );
  },
} satisfies Partial<Handlers>;

/** Points of one page: their payloads together are within one answer of a shard. */
const PAGE_COUNT = 200;

const PAYLOAD_ONLY = { values: false, metadata: true, text: false };

export interface FacetHit {
  readonly value: JsonValue;
  readonly count: number;
}

/** How many points have each value, by all their payloads. Refuses with `limit_exceeded` where they are too many to read. */
export async function facetPoints(call: PointCall, collection: IndexRef, { key, limit, filter }: AskedFacet): Promise<Outcome<FacetHit[]>> {
  const { listing } = call.gateway.retrieval;
  const among = withValues(key, filter) ?? null;
  const counted = await listing.count(call.principal, collection, '', among);
  if (!counted.ok) return inQdrantWords(counted.error);
  if (counted.value.count > VECTOR_LIMITS.facetPointsMaxCount) return tooMany(counted.value.count);
  const hits = new Map<string, { readonly value: JsonValue; count: number }>();
  let seen = 0;
  for (let start: ListingStart | null = null; ;) {
    const page: Awaited<ReturnType<typeof listing.list>> = await listing.list(call.principal, collection, {
      namespace: '',
      filter: among,
      start,
      limit: PAGE_COUNT,
      include: PAYLOAD_ONLY,
    });
    if (!page.ok) return inQdrantWords(page.error);
    for (const payload of page.value.metadata ?? []) {
      for (const value of valuesAt(parseExactJson(payload ?? 'null') as JsonValue, key, isFacet)) {
        const text = JSON.stringify(value);
        const hit = hits.get(text) ?? { value, count: 0 };
        hit.count += 1;
        hits.set(text, hit);
      }
    }
    seen += page.value.ids.length;
    const { following } = page.value;
    if (following === null) break;
    // Written since they were counted.
    if (seen > VECTOR_LIMITS.facetPointsMaxCount) return tooMany(seen);
    start = { id: following, isIncluded: true };
  }
  const ordered = [...hits.values()].sort((one, other) => other.count - one.count || compareFacets(one.value, other.value));
  return ok(ordered.slice(0, limit ?? LIMIT_DEFAULT));
}

/** Strings by code points, then numbers by size, whatever their digits, then false and true. */
function compareFacets(a: JsonValue, b: JsonValue): number {
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  const [one, other] = [integerOf(a), integerOf(b)];
  if (one === undefined || other === undefined) return rankOf(a) - rankOf(b);
  return one < other ? -1 : Number(one > other);
}

const rankOf = (value: JsonValue): number => (typeof value === 'string' ? 0 : typeof value === 'boolean' ? 2 + Number(value) : 1);

const integerOf = (value: JsonValue): bigint | undefined => {
  if (isRawJson(value)) return BigInt(value.rawJSON);
  return typeof value === 'number' ? BigInt(value) : undefined;
};

const isFacet = (value: JsonValue): boolean => isWord(value) || typeof value === 'boolean';

const tooMany = (count: number) =>
  refuseBeyond({
    path: 'filter',
    limit: 'facetPointsMaxCount',
    value: count,
    what: `${count} points have the key and match`,
    advice: 'narrow the filter',
  });
