import type { VectorKeys } from '../../ann/replication/change-page.ts';
import { followerWith } from '../../ann/access-mode.ts';
import type { VectorColumns } from '../../ann/shard-protocol.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { Copied, Copy, CopyParts } from './copy-vectors.ts';
import { copyVectors, remove, takesValues } from './copy-vectors.ts';

const EVERYTHING = { values: true, metadata: true, text: true };

/**
 * Makes vectors in the target generation what they are in the source now. Keys that are repeated or late do no harm: so the changes of many
 * shards may come in any order, and vectors may move between shards meanwhile.
 */
export async function renew(parts: CopyParts, copy: Copy, changed: VectorKeys, usageId: string): Promise<Outcome<Copied>> {
  let [count, tokens] = [0, 0];
  for (const [namespace, ids] of byNamespace(changed)) {
    const most = Math.max(1, Math.min(LIMITS.vectorIdsSliceMaxCount, Math.floor(LIMITS.exportFloatsMaxCount / copy.from.dimensions)));
    for (let at = 0, taken = most; at < ids.length;) {
      const asked = ids.slice(at, at + taken);
      const found = await parts.shards.fetch(copy.from, { indexId: copy.from.id, namespace, ids: asked, include: EVERYTHING });
      if (!found.ok && found.error.code === 'limit_exceeded' && taken > 1) {
        taken = Math.ceil(taken / 2);
        continue;
      }
      if (!found.ok) return found;
      const there = new Set(found.value.ids);
      const removed = await remove(
        parts,
        copy,
        namespace,
        asked.filter((id) => !there.has(id)),
      );
      if (!removed.ok) return removed;
      const news = await newsOf(parts, copy, namespace, found.value);
      if (!news.ok) return news;
      const copied = await copyVectors(parts, copy, namespace, news.value, `${usageId}:${namespace}:${at}`);
      if (!copied.ok) return copied;
      count += copied.value.count;
      tokens += copied.value.tokens;
      at += asked.length;
    }
  }
  return ok({ count, tokens });
}

/** What the target generation lacks, as far as that costs tokens: shards announce a vector that moved like one that changed. */
async function newsOf({ shards }: CopyParts, copy: Copy, namespace: string, columns: VectorColumns): Promise<Outcome<VectorColumns>> {
  if (takesValues(copy) || columns.ids.length === 0) return ok(columns);
  const { to, run } = copy;
  const include = { values: false, metadata: true, text: true };
  const known = await shards.fetch(to, { indexId: to.id, caller: followerWith(run), namespace, ids: columns.ids, include });
  if (!known.ok) return known;
  const { ids, metadata, texts } = known.value;
  const rowOf = new Map(ids.map((id, row) => [id, row]));
  const news = [...columns.ids.keys()].filter((i) => {
    const row = rowOf.get(columns.ids[i] ?? '');
    return row === undefined || texts?.[row] !== columns.texts?.[i] || metadata?.[row] !== columns.metadata?.[i];
  });
  const pick = (column: readonly (string | null)[] | null) => news.map((i) => column?.[i] ?? null);
  return ok({
    ids: news.map((i) => columns.ids[i] ?? ''),
    values: null,
    metadata: pick(columns.metadata),
    texts: pick(columns.texts),
  });
}

function byNamespace({ namespaces, ids }: VectorKeys): Map<string, string[]> {
  const sets = new Map<string, Set<string>>();
  for (const [i, id] of ids.entries()) {
    const namespace = namespaces[i] ?? '';
    sets.set(namespace, (sets.get(namespace) ?? new Set()).add(id));
  }
  return new Map([...sets].map(([namespace, set]) => [namespace, [...set]]));
}
