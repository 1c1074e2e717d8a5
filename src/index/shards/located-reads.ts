import type { Addressed } from '../../ann/access-mode.ts';
import { joinColumns, gatherColumns, newestOf } from '../fan-out/answer-columns.ts';
import type { IndexManifest } from '../index-manifest.ts';
import type { KnownRoutes } from '../routing/known-routes.ts';
import { locatorOf } from '../locators/locator-of.ts';
import { replyTooLarge } from '../../ann/shard/included-columns.ts';
import { idsOf, pointOf } from '../../ann/shard/query-point.ts';
import type { HighlightedRows, Include, ShardFetch, ShardHighlight, ShardQuery, ShardVectors } from '../../ann/shard-protocol.ts';
import { isBare } from '../../ann/shard-protocol.ts';
import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { allOf } from '../../contract/api/outcome.ts';
import { must } from '../../kernel/assert.ts';
import { grouped } from '../../kernel/grouped.ts';
import { ok } from '../../kernel/result.ts';
import type { RouteCache } from '../routing/route-cache.ts';
import type { LocatorCalls, ShardCalls } from './shard-calls.ts';

/** How often ids are located again that were being moved when they were requested. */
const LOOKS_MAX = 3;

/** Vectors requested at first, and the size of later portions, as predicted by the earlier ones. */
const FIRST_PORTION = 64;
const PORTION_BYTES = 8 * 1024 * 1024;

const VALUES_ONLY: Include = { values: true, metadata: false, text: false };

/** Reads vectors of an index of several shards by their ids. */
export class LocatedReads {
  readonly #routes: RouteCache;
  readonly #locators: LocatorCalls;
  readonly #shards: ShardCalls;

  constructor(routes: RouteCache, locators: LocatorCalls, shards: ShardCalls) {
    this.#routes = routes;
    this.#locators = locators;
    this.#shards = shards;
  }

  /** In portions, so that what all shards answer at once is little more than one answer may hold. Refuses with `limit_exceeded`. */
  async fetch(manifest: IndexManifest, fetch: ShardFetch): Promise<Outcome<ShardVectors>> {
    const { dimensions } = manifest;
    const ids = [...new Set(fetch.ids)];
    const parts: ShardVectors[] = [];
    let [bytes, done, count] = [0, 0, isBare(fetch.include) ? ids.length : FIRST_PORTION];
    do {
      const portion = ids.slice(done, done + count);
      const found = await this.#routes.using(manifest, (routes) => this.#fetch(manifest, { ...fetch, ids: portion }, routes));
      if (!found.ok) return found;
      parts.push(found.value);
      done += portion.length;
      bytes += textBytes(found.value);
      if (bytes > VECTOR_LIMITS.retrievalReplyBytesMax) return replyTooLarge();
      // The mean of the vectors so far, plus the bytes of a vector's values in transit.
      const each = Math.max(1, bytes / done) + (fetch.include.values ? 4 * dimensions : 0);
      count = Math.max(FIRST_PORTION, Math.floor(PORTION_BYTES / each));
    } while (done < ids.length);
    const lsn = parts.reduce((most, part) => Math.max(most, part.lsn), 0);
    const [only] = parts;
    return ok(
      parts.length === 1 && only !== undefined
        ? only
        : { ...joinColumns(parts), versions: parts.flatMap(({ versions = [] }) => versions), lsn },
    );
  }

  /** The point that a target stands for. Refuses with `vector_not_found`, naming the field. */
  async pointOf(
    manifest: IndexManifest,
    { indexId, caller, namespace, target }: Pick<ShardQuery, keyof Addressed | 'namespace' | 'target'>,
  ): Promise<Outcome<Float32Array<ArrayBuffer>>> {
    const { dimensions, metric } = manifest;
    if (target.kind === 'values') return ok(target.values);
    const found = await this.fetch(manifest, { indexId, caller, namespace, ids: idsOf(target), include: VALUES_ONLY });
    if (!found.ok) return found;
    const { ids, values, vectorless } = found.value;
    const rowOf = new Map(ids.flatMap((id, row) => (vectorless?.[row] === true ? [] : [[id, row] as const])));
    return pointOf(target, metric, (id) => {
      const row = rowOf.get(id);
      if (row === undefined) return undefined;
      return must(values, 'values were asked for').slice(row * dimensions, (row + 1) * dimensions);
    });
  }

  /** The fragments of the ids that are there. */
  highlight(manifest: IndexManifest, asked: ShardHighlight): Promise<Outcome<HighlightedRows>> {
    return this.#routes.using(manifest, async ({ summary }) => {
      const located = await this.#locate(manifest, asked, [...new Set(asked.ids)], summary.locators);
      if (!located.ok) return located;
      const found = await allOf(
        [...located.value].map(([shard, ids]) =>
          this.#shards.read(manifest, shard, 'highlight', { ...asked, ids, routeVersion: summary.version }),
        ),
      );
      if (!found.ok) return found;
      const rows = new Map(found.value.flatMap((part) => part.rows.map((row) => [row.id, row])));
      return ok({ rows: asked.ids.flatMap((id) => rows.get(id) ?? []), lsn: Math.max(0, ...found.value.map(({ lsn }) => lsn)) });
    });
  }

  async #fetch(manifest: IndexManifest, fetch: ShardFetch, { summary }: KnownRoutes): Promise<Outcome<ShardVectors>> {
    const ids = [...new Set(fetch.ids)];
    const answers: ShardVectors[] = [];
    let missing = ids;
    for (let look = 0; look < LOOKS_MAX && missing.length > 0; look += 1) {
      const located = await this.#locate(manifest, fetch, missing, summary.locators);
      if (!located.ok) return located;
      const found = await allOf(
        [...located.value].map(([shard, here]) =>
          this.#shards.read(manifest, shard, 'fetch', { ...fetch, ids: here, routeVersion: summary.version }),
        ),
      );
      if (!found.ok) return found;
      answers.push(...found.value);
      const there = new Set(answers.flatMap((answer) => answer.ids));
      const known = new Set([...located.value.values()].flat());
      missing = missing.filter((id) => known.has(id) && !there.has(id));
    }
    const newest = newestOf(answers);
    const chosen = ids.flatMap((id) => newest.get(id) ?? []);
    return ok(gatherColumns(answers, chosen, manifest.dimensions, fetch.include));
  }

  /** The ids by the shards that may have them. */
  async #locate(
    manifest: IndexManifest,
    { caller, namespace }: Pick<ShardFetch, 'caller' | 'namespace'>,
    ids: readonly string[],
    locators: number,
  ): Promise<Outcome<Map<number, string[]>>> {
    const parts = [...grouped(ids.map((id) => locatorOf(namespace, id, locators)))];
    const places = await allOf(
      parts.map(([locator, positions]) =>
        this.#locators.find(
          { manifest, locator, caller },
          { ids: positions.map((at) => ids[at] ?? ''), namespaces: positions.map(() => namespace) },
        ),
      ),
    );
    if (!places.ok) return places;
    const byShard = new Map<number, string[]>();
    for (const [part, [, positions]] of parts.entries()) {
      for (const [i, at] of positions.entries()) {
        for (const shard of places.value[part]?.[i]?.shards ?? []) {
          const here = byShard.get(shard);
          if (here === undefined) byShard.set(shard, [ids[at] ?? '']);
          else here.push(ids[at] ?? '');
        }
      }
    }
    return ok(byShard);
  }
}

/** At two bytes a UTF-16 unit. */
const textBytes = ({ ids, metadata, texts, contents }: ShardVectors): number =>
  2 * [...ids, ...(metadata ?? []), ...(texts ?? []), ...(contents ?? [])].reduce((chars, text) => chars + (text?.length ?? 0), 0);
