import type { Outcome } from '../../contract/api/outcome.ts';
import { must } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import type { ShardReplica } from '../index-manifest.ts';
import type { RegionsOf } from './summary-router.ts';
import { SummaryRouter } from './summary-router.ts';
import type { NearShard } from './places-of.ts';
import { PLACINGS, placesOf, placingsFor, placingsOf, routedPoint } from './places-of.ts';
import type { Regions } from './regions.ts';
import { replicasIn } from './replicated-routes.ts';
import type { RoutingSummary } from './routing-summary.ts';
import type { RankedShard } from './router.ts';
import { byNearness } from './router.ts';
import type { Rows } from '../../ann/rows.ts';
import { slotOf } from './slot-range.ts';

/** Requests the regions of a shard group as of a version, unless they are cached. */
export type AskRegions = (group: number, since: number) => Promise<Outcome<Regions>>;

/** Shard groups whose regions are requested at once while vectors are assigned, and held in addition to the cache: 16 MB of the longest vectors. */
const GROUPS_AT_ONCE = 4;

/** Bytes for each shard in a routing summary, as measured. */
const SHARD_BYTES = 300;

/** The routes of an index, ready for use. Ranking is refused as asking for regions is. */
export class KnownRoutes {
  readonly summary: RoutingSummary;
  /** That answer reads which may be old. */
  readonly replicas: readonly ShardReplica[];
  readonly #router: SummaryRouter;
  readonly #askRegions: AskRegions;
  readonly #sinces: ReadonlyMap<number, number>;

  constructor(summary: RoutingSummary, askRegions: AskRegions) {
    this.summary = summary;
    this.replicas = replicasIn(summary);
    this.#router = new SummaryRouter(summary);
    this.#askRegions = askRegions;
    this.#sinces = new Map(summary.groups.map(({ number, since }) => [number, since]));
  }

  /** In memory, roughly. */
  get bytes(): number {
    const { shards, groups } = this.summary;
    // As received, and as the router holds it.
    const coarse = groups.reduce((sum, group) => sum + 2 * (group.coarse?.codes.byteLength ?? 0), 0);
    return coarse + shards.length * SHARD_BYTES;
  }

  /** Shards by where a query's matches are likely, the likeliest first. Where there are very many, those that are far away are left out. */
  async rankForSearching(values: Float32Array): Promise<Outcome<RankedShard[]>> {
    const groups = this.#router.groupsForSearching(values);
    const regions = await this.#regionsOf(groups);
    return regions.ok ? ok(this.#router.rankForSearching(values, groups, regions.value)) : regions;
  }

  /** The shards that keep each of some vectors: see `placesOf`. */
  async placesFor({ ids, namespaces, values }: Pick<Rows, 'ids' | 'namespaces' | 'values'>): Promise<Outcome<number[][]>> {
    const { dimensions, margin } = this.summary;
    const written = values.length === 0 ? 0 : dimensions;
    const points = ids.map((id, at): PlacedPoint => {
      const vector = routedPoint(values, at, written);
      const slot = slotOf(namespaces[at] ?? '', id);
      return { vector, slot, groups: this.#router.groupsForPlacing(vector, slot), nearest: [] };
    });
    const groups = [...new Set(points.flatMap((point) => point.groups))];
    for (let from = 0; from < groups.length; from += GROUPS_AT_ONCE) {
      const together = groups.slice(from, from + GROUPS_AT_ONCE);
      const regions = await this.#regionsOf(together);
      if (!regions.ok) return regions;
      for (const group of together) this.#look(points, group, regions.value(group));
    }
    return ok(points.map(({ vector, nearest }) => placesOf(placingsOf(nearest.slice(0, placingsFor(vector)), dimensions), margin)));
  }

  /** Finds the nearest few shards of a group for each point that needs its regions. */
  #look(points: readonly PlacedPoint[], group: number, regions: Regions): void {
    for (const point of points) {
      if (!point.groups.includes(group)) continue;
      const near = this.#router.nearInGroup(point.vector, point.slot, group, regions, point.groups.length);
      point.nearest = [...point.nearest, ...near].sort(byNearness).slice(0, PLACINGS);
    }
  }

  async #regionsOf(groups: readonly number[]): Promise<Outcome<RegionsOf>> {
    const asked = await Promise.all(
      groups.map((group) => this.#askRegions(group, must(this.#sinces.get(group), 'a shard group of the routing summary'))),
    );
    const found = new Map<number, Regions>();
    for (const [i, regions] of asked.entries()) {
      if (!regions.ok) return regions;
      found.set(groups[i]!, regions.value);
    }
    return ok((group) => must(found.get(group), 'whatever is ranked was asked for'));
  }
}

interface PlacedPoint {
  readonly vector: Float32Array;
  readonly slot: number;
  /** To look into. */
  readonly groups: readonly number[];
  /** Of those looked into. */
  nearest: readonly NearShard[];
}
