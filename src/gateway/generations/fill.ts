import type { FillCursor } from '../../index/generations/generation-state.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { Copied, Copy, CopyParts } from './copy-vectors.ts';
import { copyVectors } from './copy-vectors.ts';

const EVERYTHING = { values: true, metadata: true, text: true };

interface Filled extends Copied {
  readonly filled: FillCursor;
  readonly isWhole: boolean;
}

/** Copies the vectors behind a cursor: a page of one namespace, in the order of ids. */
export async function fillPage(parts: CopyParts, copy: Copy, after: FillCursor | null): Promise<Outcome<Filled>> {
  const { from } = copy;
  const begun = after === null ? await firstNamespace(parts, copy, null) : ok(after);
  if (!begun.ok) return begun;
  const at = begun.value;
  if (at === null) return ok({ filled: { namespace: '', id: null }, isWhole: true, count: 0, tokens: 0 });
  const start = at.id === null ? null : { id: at.id, isIncluded: false };
  const ask = { indexId: from.id, namespace: at.namespace, filter: null, start, include: EVERYTHING };
  let limit = Math.max(1, Math.min(LIMITS.exportVectorsMaxCount, Math.floor(LIMITS.exportFloatsMaxCount / from.dimensions)));
  let listed = await parts.shards.list(from, { ...ask, limit });
  for (; !listed.ok && listed.error.code === 'limit_exceeded' && limit > 1; limit = Math.ceil(limit / 2)) {
    listed = await parts.shards.list(from, { ...ask, limit: Math.ceil(limit / 2) });
  }
  if (!listed.ok) return listed;
  const copied = await copyVectors(parts, copy, at.namespace, listed.value, `${copy.to.id}:fill:${at.namespace}:${at.id ?? ''}`);
  if (!copied.ok) return copied;
  const { next } = listed.value;
  if (next !== null) return ok({ ...copied.value, filled: { namespace: at.namespace, id: next }, isWhole: false });
  const following = await firstNamespace(parts, copy, at.namespace);
  if (!following.ok) return following;
  return ok({ ...copied.value, filled: following.value ?? at, isWhole: following.value === null });
}

async function firstNamespace({ shards }: CopyParts, { from }: Copy, after: string | null): Promise<Outcome<FillCursor | null>> {
  const page = await shards.namespaces(from, { indexId: from.id, after, limit: 1 });
  if (!page.ok) return page;
  const [namespace] = page.value.names;
  return ok(namespace === undefined ? null : { namespace, id: null });
}
