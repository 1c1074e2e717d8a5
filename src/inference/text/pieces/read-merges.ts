import type { FieldPath } from '../../../contract/api/field-path.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import { refuseBeyond } from '../../../contract/limits/limit-refusal.ts';
import { MODEL_LIMITS } from '../../../contract/models/model-limits.ts';
import { ok } from '../../../kernel/result.ts';
import type { DoubleArray } from './double-array.ts';
import { batchesIn } from './json-batches.ts';
import type { JsonSpan } from './json-spans.ts';
import { pieceBytes } from './piece-model.ts';

/** Pairs of tokens that are merged, sorted by the first: those of the token `id` are `starts[id]` to `starts[id + 1]`, sorted by the second. */
export interface Merges {
  readonly starts: Uint32Array;
  /** The second token of each pair. */
  readonly seconds: Uint32Array;
  /** The token that each pair becomes. */
  readonly merged: Uint32Array;
  /** The pair of the lowest rank is merged first. */
  readonly ranks: Uint32Array;
}

/**
 * The entries of `model.merges`, as `"a b"` or as `["a", "b"]`. Refuses what is neither, a pair of which a part, or what it becomes, is not in the
 * vocabulary, and more than `tokeniserMergesMaxCount`. `prefix`: what the second part has in front of it within a word. [M57]
 */
export function* readMerges(
  bytes: Uint8Array,
  span: JsonSpan,
  { trie, prefix }: { readonly trie: DoubleArray; readonly prefix: string },
  at: FieldPath,
): Generator<void, Outcome<Merges>> {
  const list: MergeList = { firsts: [], seconds: [], merged: [] };
  const batches = batchesIn(bytes, span);
  for (let batch = batches.next(); ; batch = batches.next()) {
    if (batch.done === true) return batch.value ? ok(sorted(list)) : refuse('invalid_value', 'is no JSON in UTF-8', at);
    if (!Array.isArray(batch.value)) return refuse('invalid_value', 'is no list', at);
    for (const pair of batch.value as unknown[]) {
      const parts = partsOf(pair);
      const merge = parts && [...parts, parts[0] + parts[1].slice(prefix.length)].map((text) => trie.get(pieceBytes(text)));
      if (!isMerge(merge))
        return refuse('invalid_value', 'is no pair of tokens of the vocabulary that make another', [...at, list.firsts.length]);
      const [first, second, merged] = merge;
      list.firsts.push(first);
      list.seconds.push(second);
      list.merged.push(merged);
    }
    const value = list.firsts.length;
    if (value > MODEL_LIMITS.tokeniserMergesMaxCount)
      return refuseBeyond({ path: at, limit: 'tokeniserMergesMaxCount', value, what: `has ${value} entries, or more` });
    yield;
  }
}

const isMerge = (ids: readonly number[] | undefined): ids is [first: number, second: number, merged: number] =>
  ids !== undefined && ids.length === 3 && ids.every((id) => id >= 0);

interface MergeList {
  readonly firsts: number[];
  readonly seconds: number[];
  readonly merged: number[];
}

function partsOf(pair: unknown): readonly [string, string] | undefined {
  const parts: unknown[] = typeof pair === 'string' ? pair.split(' ') : Array.isArray(pair) ? pair : [];
  const [first, second] = parts;
  return parts.length === 2 && typeof first === 'string' && typeof second === 'string' ? [first, second] : undefined;
}

function sorted({ firsts, seconds, merged }: MergeList): Merges {
  // Of a pair that stands twice the later rank counts: it comes last among equal ones, and takes the place of the others.
  const order = Uint32Array.from(firsts, (_, rank) => rank).sort((a, b) => firsts[a]! - firsts[b]! || seconds[a]! - seconds[b]! || a - b);
  const kept = order.filter((rank, i) => {
    const next = order[i + 1];
    return next === undefined || firsts[next] !== firsts[rank] || seconds[next] !== seconds[rank];
  });
  const last = kept.at(-1);
  const starts = new Uint32Array(last === undefined ? 1 : firsts[last]! + 2);
  for (const rank of kept) starts[firsts[rank]! + 1]! += 1;
  for (let id = 1; id < starts.length; id += 1) starts[id]! += starts[id - 1]!;
  return { starts, seconds: kept.map((rank) => seconds[rank]!), merged: kept.map((rank) => merged[rank]!), ranks: kept };
}
