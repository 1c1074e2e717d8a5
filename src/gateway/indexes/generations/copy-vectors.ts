import { followerWith } from '../../../ann/access-mode.ts';
import type { RowKeys } from '../../../ann/rows.ts';
import type { FillCursor, GenerationOwner } from '../../../index/generations/generation-state.ts';
import type { IndexManifest } from '../../../index/index-manifest.ts';
import type { VectorColumns } from '../../../ann/shard-protocol.ts';
import type { Vectors } from '../../../ann/stored-vector.ts';
import { vectorsAt } from '../../../ann/stored-vector.ts';
import type { CutCounts } from '../../../contract/embeddings/truncation.ts';
import { addCuts, bothCut, NOTHING_CUT } from '../../../contract/embeddings/truncation.ts';
import { VECTOR_LIMITS } from '../../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { must } from '../../../kernel/assert.ts';
import type { TenantId } from '../../../kernel/ids.ts';
import { ok } from '../../../kernel/result.ts';
import type { Authority } from '../../../contract/tenancy/write-lease.ts';
import type { Budget } from '../../tenancy/budget.ts';
import type { IndexShards } from '../../../index/shards/index-shards.ts';
import { FieldSpace } from '../../vectors/field-space.ts';
import type { EmbeddingCaller, TokensUsed } from '../../vectors/vector-space.ts';
import { embeddedPortions } from '../../embeddings/embedded-portions.ts';
import type { EmbeddedTexts, TextEmbedder } from '../../embeddings/text-embedder.ts';
import { carriedRows, isCarried, takesContents } from './carried-fields.ts';

/** What the embedding of a generation is booked under. */
export const GENERATIONS_ROUTE = '/v1/indexes/:index/generations';

export interface CopyParts {
  readonly shards: IndexShards;
  readonly embedder: TextEmbedder;
  readonly budget: Budget;
  /** The right to work for a tenant in no key's name. */
  readonly authorityOf: (tenantId: TenantId) => Authority;
}

export interface Copy {
  readonly from: IndexManifest;
  readonly to: IndexManifest;
  readonly owner: GenerationOwner;
  /** Whether texts that are too long for the other's model are cut, instead of refused. [M159] */
  readonly isTruncating: boolean;
  readonly run: number;
}

export interface Copied {
  readonly count: number;
  readonly tokens: number;
  readonly cut: CutCounts;
}

const NOTHING_COPIED: Copied = { count: 0, tokens: 0, cut: NOTHING_CUT };

/**
 * Writes vectors of one generation into the other: their values as they are while the contract is the same, else what the other's model
 * makes of their texts. Vectors without a text are then not in the other generation, whatever they were before; rows without either are.
 * `usageId` names the work.
 */
export async function copyVectors(
  parts: CopyParts,
  copy: Copy,
  namespace: string,
  columns: VectorColumns,
  usageId: string,
): Promise<Outcome<Copied>> {
  const all = columns.ids.map((_, i) => i);
  const held = takesContents(copy) ? ok({ ...NOTHING_COPIED, columns }) : await withContents(parts, copy, columns, `${usageId}:fields`);
  if (!held.ok) return held;
  const { columns: filled, ...used } = held.value;
  if (takesValues(copy) || copy.to.dimensions === 0) {
    const vectors = copy.to.dimensions === 0 ? nowhere(copy, all) : vectorsOf(columns);
    const written = await write(parts, copy, namespace, filled, all, vectors);
    return written.ok ? ok({ ...used, count: all.length }) : written;
  }
  const texts = must(columns.texts, 'texts were asked for');
  const silent = all.filter((i) => (texts[i] ?? null) === null);
  const isVectorless = (i: number): boolean => columns.vectorless?.[i] === true;
  const gone = silent.filter((i) => !isVectorless(i)).map((i) => must(columns.ids[i], 'an id a row'));
  const removed = await remove(parts, copy, namespace, gone);
  if (!removed.ok) return removed;
  const kept = silent.filter(isVectorless);
  const taken = await write(parts, copy, namespace, filled, kept, nowhere(copy, kept));
  if (!taken.ok) return taken;
  let { count, tokens, cut } = { ...used, count: used.count + kept.length };
  const rowTexts = texts.flatMap((text, row) => (text === null ? [] : [{ row, text }]));
  const portions = embeddedPortions(rowTexts, VECTOR_LIMITS.importBatchTextCharsMax, (portion) =>
    embed(
      parts,
      copy,
      portion.map(({ text }) => text),
      `${usageId}:${count}`,
    ),
  );
  for await (const portion of portions) {
    if (!portion.ok) return portion;
    const { rows, embedded } = portion.value;
    const written = await write(parts, copy, namespace, filled, rows, { values: Float32Array.from(embedded.vectors) });
    if (!written.ok) return written;
    count += rows.length;
    tokens += embedded.tokens;
    cut = addCuts(cut, embedded.cut);
  }
  return ok({ count, tokens, cut });
}

/** The same with what the other generation holds in the fields of these rows, where its fields are others. */
async function withContents(
  parts: CopyParts,
  copy: Copy,
  columns: VectorColumns,
  usageId: string,
): Promise<Outcome<Copied & { readonly columns: VectorColumns }>> {
  const { contents: _, ...rest } = columns;
  const values = carriedRows(copy, columns);
  const encoded = await reserved(parts, copy, usageId, ({ principal, authority, reserve }) =>
    new FieldSpace(parts.embedder).contentsOf(
      { principal, authority, reserve, isTruncating: copy.isTruncating },
      copy.to.fields,
      values.map((fields) => ({ fields, at: [] })),
    ),
  );
  if (!encoded.ok) return encoded;
  const { contents, tokens, cut } = encoded.value;
  return ok({ count: 0, tokens, cut: addCuts(NOTHING_CUT, cut), columns: contents === undefined ? rest : { ...rest, contents } });
}

/** Deletes vectors from the generation that is written. */
export async function remove({ shards }: CopyParts, { to, run }: Copy, namespace: string, ids: readonly string[]): Promise<Outcome<null>> {
  if (ids.length === 0) return ok(null);
  const deleted = await shards
    .of(to)
    .write('delete', { indexId: to.id, caller: followerWith(run), selection: { kind: 'ids', namespace, ids } }, null);
  return deleted.ok ? ok(null) : deleted;
}

function embed(parts: CopyParts, copy: Copy, texts: readonly string[], usageId: string): Promise<Outcome<EmbeddedTexts>> {
  const { model, contractHash } = must(copy.to.embedding, 'only a model makes vectors of texts');
  const { isTruncating } = copy;
  return reserved(
    parts,
    copy,
    usageId,
    (caller) => parts.embedder.embed({ ...caller, model, contractHash, texts, use: 'items', isTruncating }),
    model,
  );
}

/** Embeds at the expense of the generation's owner. */
async function reserved<T extends TokensUsed>(
  { budget, authorityOf }: CopyParts,
  { owner }: Copy,
  usageId: string,
  work: (caller: EmbeddingCaller) => Promise<Outcome<T>>,
  model?: string,
): Promise<Outcome<T>> {
  const principal = { kind: 'tenant', scopes: [], ...owner } as const;
  const reservation = await budget.reserve(principal, {});
  if (!reservation.ok) return reservation;
  const { value: portion } = reservation;
  const authority = authorityOf(principal.tenantId);
  const embedded = await work({ principal, authority, reserve: (quantities) => portion.extend(quantities) });
  if (!embedded.ok) {
    portion.settle({}, { route: GENERATIONS_ROUTE });
    return embedded;
  }
  const { tokens, cachedTokens } = embedded.value;
  const used = { embedding_tokens: tokens - cachedTokens, embedding_cached_tokens: cachedTokens };
  // Named by the work: done again after a kill, it is billed once.
  portion.settle(used, { route: GENERATIONS_ROUTE, ...(model === undefined ? {} : { model }), usageId });
  return embedded;
}

/** `vectors`: of the rows, one after the other. */
async function write(
  { shards }: CopyParts,
  { to, run }: Copy,
  namespace: string,
  { ids, metadata, texts, contents }: VectorColumns,
  rows: readonly number[],
  vectors: Vectors,
): Promise<Outcome<null>> {
  if (rows.length === 0) return ok(null);
  const batch = {
    indexId: to.id,
    caller: followerWith(run),
    ids: rows.map((row) => must(ids[row], 'an id a row')),
    namespaces: rows.map(() => namespace),
    ...vectors,
    metadata: rows.map((row) => metadata?.[row] ?? null),
    texts: rows.map((row) => texts?.[row] ?? null),
    ...(contents === undefined ? {} : { contents: rows.map((row) => contents[row] ?? null) }),
    repetition: null,
  };
  const written = await shards.of(to).write('upsert', batch, null);
  return written.ok ? ok(null) : written;
}

/** Whether vectors of the one generation are taken over as they are: else the other's model makes them of their texts. */
export const takesValues = ({ from, to }: Pick<Copy, 'from' | 'to'>): boolean =>
  from.embedding?.contractHash === to.embedding?.contractHash && from.dimensions === to.dimensions;

const EVERYTHING = { values: true, metadata: true, text: true, contents: true };

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
  if (at === null) return ok({ filled: { namespace: '', id: null }, isWhole: true, ...NOTHING_COPIED });
  const start = at.id === null ? null : { id: at.id, isIncluded: false };
  const ask = { indexId: from.id, namespace: at.namespace, filter: null, start, include: EVERYTHING };
  let limit = Math.max(1, Math.min(VECTOR_LIMITS.exportVectorsMaxCount, Math.floor(VECTOR_LIMITS.exportFloatsMaxCount / from.dimensions)));
  let listed = await parts.shards.of(from).read('list', { ...ask, limit });
  for (; !listed.ok && listed.error.code === 'limit_exceeded' && limit > 1; limit = Math.ceil(limit / 2)) {
    listed = await parts.shards.of(from).read('list', { ...ask, limit: Math.ceil(limit / 2) });
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
  const page = await shards.of(from).read('namespaces', { indexId: from.id, after, limit: 1 });
  if (!page.ok) return page;
  const [namespace] = page.value.names;
  return ok(namespace === undefined ? null : { namespace, id: null });
}

/**
 * Makes vectors in the target generation what they are in the source now. Keys that are repeated or late do no harm: so the changes of many
 * shards may come in any order, and vectors may move between shards meanwhile.
 */
export async function renew(parts: CopyParts, copy: Copy, changed: RowKeys, usageId: string): Promise<Outcome<Copied>> {
  let { count, tokens, cut } = NOTHING_COPIED;
  const most = Math.max(
    1,
    Math.min(VECTOR_LIMITS.vectorIdsSliceMaxCount, Math.floor(VECTOR_LIMITS.exportFloatsMaxCount / copy.from.dimensions)),
  );
  for (const [namespace, ids] of byNamespace(changed)) {
    for (let at = 0, slice = most; at < ids.length;) {
      const found = await fetchedOf(parts, copy, namespace, ids.slice(at, at + slice));
      if (!found.ok) return found;
      const { asked, columns } = found.value;
      const copied = await renewed(parts, copy, { namespace, asked, columns, usageId: `${usageId}:${namespace}:${at}` });
      if (!copied.ok) return copied;
      count += copied.value.count;
      tokens += copied.value.tokens;
      cut = bothCut(cut, copied.value.cut);
      at += asked.length;
      slice = asked.length;
    }
  }
  return ok({ count, tokens, cut });
}

interface Found {
  /** The ids that were asked for: as many of the first ones as fit an answer. */
  readonly asked: readonly string[];
  readonly columns: VectorColumns;
}

/** What the source has of ids: of half as many, until they fit an answer. */
async function fetchedOf({ shards }: CopyParts, { from }: Copy, namespace: string, ids: readonly string[]): Promise<Outcome<Found>> {
  for (let asked = ids; ; asked = asked.slice(0, Math.ceil(asked.length / 2))) {
    const found = await shards.of(from).fetch({ indexId: from.id, namespace, ids: asked, include: EVERYTHING });
    if (found.ok) return ok({ asked, columns: found.value });
    if (found.error.code !== 'limit_exceeded' || asked.length === 1) return found;
  }
}

async function renewed(
  parts: CopyParts,
  copy: Copy,
  { namespace, asked, columns, usageId }: Found & { readonly namespace: string; readonly usageId: string },
): Promise<Outcome<Copied>> {
  const there = new Set(columns.ids);
  const gone = asked.filter((id) => !there.has(id));
  const removed = await remove(parts, copy, namespace, gone);
  if (!removed.ok) return removed;
  const news = await newsOf(parts, copy, namespace, columns);
  return news.ok ? copyVectors(parts, copy, namespace, news.value, usageId) : news;
}

/** What the target generation lacks, as far as that costs tokens: shards announce a vector that moved like one that changed. */
async function newsOf({ shards }: CopyParts, copy: Copy, namespace: string, columns: VectorColumns): Promise<Outcome<VectorColumns>> {
  if ((takesValues(copy) && takesContents(copy)) || columns.ids.length === 0) return ok(columns);
  const { to, run } = copy;
  const include = { ...EVERYTHING, values: false };
  const known = await shards.of(to).fetch({ indexId: to.id, caller: followerWith(run), namespace, ids: columns.ids, include });
  if (!known.ok) return known;
  const { ids, metadata, texts, contents } = known.value;
  const rowOf = new Map(ids.map((id, row) => [id, row]));
  const news = [...columns.ids.keys()].filter((i) => {
    const row = rowOf.get(columns.ids[i] ?? '');
    return (
      row === undefined ||
      texts?.[row] !== columns.texts?.[i] ||
      metadata?.[row] !== columns.metadata?.[i] ||
      !holds(copy, columns.contents?.[i] ?? null, contents?.[row] ?? null)
    );
  });
  const pick = (column: readonly (string | null)[] | null) => news.map((i) => column?.[i] ?? null);
  return ok({
    ids: news.map((i) => columns.ids[i] ?? ''),
    ...vectorsAt(vectorsOf(columns), news, copy.from.dimensions),
    metadata: pick(columns.metadata),
    texts: pick(columns.texts),
    ...(columns.contents === undefined ? {} : { contents: pick(columns.contents) }),
  });
}

const vectorsOf = ({ values, vectorless }: VectorColumns): Vectors => ({
  values: must(values, 'values were asked for'),
  ...(vectorless === undefined ? {} : { vectorless }),
});

/** No vector for each of the rows. */
const nowhere = ({ to }: Copy, rows: readonly number[]): Vectors => ({
  values: new Float32Array(rows.length * to.dimensions),
  vectorless: rows.map(() => true),
});

const holds = (copy: Copy, source: string | null, target: string | null): boolean =>
  takesContents(copy) ? source === target : isCarried(copy, source, target);

function byNamespace({ namespaces, ids }: RowKeys): Map<string, string[]> {
  const sets = new Map<string, Set<string>>();
  for (const [i, id] of ids.entries()) {
    const namespace = namespaces[i] ?? '';
    sets.set(namespace, (sets.get(namespace) ?? new Set()).add(id));
  }
  return new Map([...sets].map(([namespace, set]) => [namespace, [...set]]));
}
