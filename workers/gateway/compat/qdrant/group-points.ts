import type { JsonValue } from '../../../../src/contract/api/json-value.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { AskedGroups } from '../../../../src/contract/qdrant/search.ts';
import type { Filter, Scalar } from '../../../../src/contract/vectors/filter.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import type { IndexRef } from '../../../../src/gateway/indexes/index-ref.ts';
import { must } from '../../../../src/kernel/assert.ts';
import { isRawJson, parseExactJson } from '../../../../src/kernel/exact-json.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { PointCall } from './call.ts';
import type { FoundPoints } from './find-points.ts';
import { findPoints, LIMIT_DEFAULT, scoredPoints } from './find-points.ts';
import { filterPathTo, isWord, valuesAt, withValues } from './values-at.ts';

const GROUP_SIZE_DEFAULT = 3;

/** Matches for each point that a group may have: groups of few points need more of them. */
const CANDIDATES_FACTOR = 10;

/** Searches for groups at most, each without the points of the groups that those before it found. */
const ROUNDS_MAX = 4;

type ScoredPoints = ReturnType<typeof scoredPoints>;

export interface Group {
  readonly id: JsonValue;
  hits: ScoredPoints;
}

/**
 * The closest points by the values at a path: the groups in the order of their closest point, each with its closest points. A point is in the
 * group of each value. [Q42] [Q86]
 */
export async function groupPoints(call: PointCall, collection: IndexRef, asked: AskedGroups): Promise<Outcome<Group[]>> {
  const grouping = new Grouping(call, collection, asked);
  const found = await grouping.findGroups();
  if (!found.ok) return found;
  const filled = await grouping.fillGroups();
  return filled.ok ? ok(grouping.groups) : filled;
}

class Grouping {
  readonly #call: PointCall;
  readonly #collection: IndexRef;
  readonly #asked: AskedGroups;
  readonly #size: number;
  readonly #groupsMax: number;
  readonly #groups = new Map<string, Group>();
  /** Whether every point that could be in a group was looked at. */
  #isWhole = false;

  constructor(call: PointCall, collection: IndexRef, asked: AskedGroups) {
    this.#call = call;
    this.#collection = collection;
    this.#asked = asked;
    this.#size = asked.group_size ?? GROUP_SIZE_DEFAULT;
    this.#groupsMax = asked.limit ?? LIMIT_DEFAULT;
  }

  get groups(): Group[] {
    return [...this.#groups.values()];
  }

  /** Finds the groups, with those of their points that are among the closest of all. */
  async findGroups(): Promise<Outcome<null>> {
    const limit = Math.min(VECTOR_LIMITS.qdrantGroupCandidatesMaxCount, this.#size * this.#groupsMax * CANDIDATES_FACTOR);
    const path = filterPathTo(this.#asked.group_by);
    for (let round = 1; ; round += 1) {
      const known = this.groups.flatMap(({ id }) => scalarOf(id) ?? []);
      const others: Filter | undefined = path === undefined ? undefined : { kind: 'not', of: { kind: 'equals', path, values: known } };
      const searched = await this.#search([{ limit, filter: round === 1 ? undefined : others }]);
      if (!searched.ok) return searched;
      const before = this.#groups.size;
      const found = must(searched.value[0], 'each search has found something');
      this.#take(found);
      if (round === 1) this.#isWhole = found.ids.length < limit;
      const areAll = found.ids.length < limit || this.#groups.size === this.#groupsMax || this.#groups.size === before;
      if (areAll || path === undefined || round === ROUNDS_MAX) return ok(null);
    }
  }

  /** Searches each group that may have more points alone: the first ones, as far as one call may search and read. */
  async fillGroups(): Promise<Outcome<null>> {
    const path = filterPathTo(this.#asked.group_by);
    if (this.#isWhole || path === undefined) return ok(null);
    const searchesMax = Math.min(VECTOR_LIMITS.batchSearchesMaxCount, Math.floor(VECTOR_LIMITS.qdrantGroupCandidatesMaxCount / this.#size));
    const open = this.groups
      .flatMap((group) => {
        const value = scalarOf(group.id);
        return value === undefined || group.hits.length >= this.#size ? [] : [{ group, value }];
      })
      .slice(0, searchesMax);
    if (open.length === 0) return ok(null);
    const searched = await this.#search(
      open.map(({ value }) => ({ limit: this.#size, filter: { kind: 'equals', path, values: [value] } })),
    );
    if (!searched.ok) return searched;
    for (const [i, { group }] of open.entries()) {
      const found = must(searched.value[i], 'each search has found something');
      const key = JSON.stringify(group.id);
      const points = scoredPoints(found, this.#asked);
      const hits = points.filter((_, hit) => this.#valuesOf(found, hit).some((value) => JSON.stringify(value) === key));
      // An approximate search may miss what another found.
      if (hits.length > group.hits.length) group.hits = hits;
    }
    return ok(null);
  }

  #search(searches: readonly { readonly limit: number; readonly filter: Filter | undefined }[]): Promise<Outcome<FoundPoints[]>> {
    const { group_by: path, group_size: _size, ...rest } = this.#asked;
    const among = withValues(path, rest.filter);
    return findPoints(
      this.#call,
      this.#collection,
      searches.map(({ limit, filter }) => ({
        asked: { ...rest, limit, offset: 0, filter: both(among, filter), with_payload: true },
        at: [],
      })),
    );
  }

  #take(found: FoundPoints): void {
    const points = scoredPoints(found, this.#asked);
    points.forEach((point, hit) => {
      for (const id of this.#valuesOf(found, hit)) {
        const key = JSON.stringify(id);
        const group = this.#groups.get(key) ?? (this.#groups.size < this.#groupsMax ? { id, hits: [] } : undefined);
        if (group === undefined) continue;
        this.#groups.set(key, group);
        if (group.hits.length < this.#size) group.hits.push(point);
      }
    });
  }

  #valuesOf(found: FoundPoints, hit: number): JsonValue[] {
    return valuesAt(parseExactJson(found.metadata?.[hit] ?? 'null') as JsonValue, this.#asked.group_by, isWord);
  }
}

/** What a filter can compare with a group's value: not whole numbers beyond 2^53. */
const scalarOf = (id: JsonValue): Scalar | undefined => (isRawJson(id) || typeof id === 'object' ? undefined : id);

const both = (a: Filter | undefined, b: Filter | undefined): Filter | undefined =>
  a === undefined || b === undefined ? (a ?? b) : { kind: 'and', of: [a, b] };
