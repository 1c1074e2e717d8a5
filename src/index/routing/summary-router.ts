import { must } from '../../kernel/assert.ts';
import type { RankingPoint } from './centroids.ts';
import type { NearShard } from './places-of.ts';
import { PLACINGS } from './places-of.ts';
import { regionRowsOf, Regions } from './regions.ts';
import type { SummarisedGroup, RoutingSummary } from './routing-summary.ts';
import type { RankedShard } from './router.ts';
import { byNearness, placingPoint, searchingPoint } from './router.ts';
import { slotsOf } from './route-table.ts';
import type { SlotRange } from './slot-range.ts';
import { holdsSlot, SlotSegments } from './slot-range.ts';

/** How far ranking looks for the ids of a slot. */
interface Reach {
  /** The nearest shard groups by their coarse centroids: the router looks into these. */
  readonly groups: number;
  /**
   * The nearest of their shards by the means of their centroids: the router compares the regions of these. More than a single shard group
   * may have.
   */
  readonly shards: number;
}

/** Queries want the sixteen nearest shards, vectors four. What is missed by that: `npm run bench -- routing`. */
const SEARCHING: Reach = { groups: 16, shards: 256 };
const PLACING: Reach = { groups: 12, shards: 256 };

/** The regions of a shard group that the router looks into. */
export type RegionsOf = (group: number) => Regions;

/** Ranks the shards of a routing summary: the nearest groups first, of those the nearest shards roughly, and these exactly. */
export class SummaryRouter {
  readonly #metric: RoutingSummary['metric'];
  /** Of each shard that owns a region. */
  readonly #slots: ReadonlyMap<number, SlotRange>;
  readonly #segments: SlotSegments;
  /** The slot segments that each shard group holds. */
  readonly #held = new Map<number, Set<number>>();
  readonly #coarse: Regions;

  constructor({ metric, dimensions, shards, groups }: RoutingSummary) {
    this.#metric = metric;
    this.#slots = new Map(shards.flatMap((shard) => (shard.group === null ? [] : [[shard.ordinal, slotsOf(shard)] as const])));
    this.#segments = new SlotSegments(this.#slots.values());
    for (const { number } of groups) this.#held.set(number, new Set());
    for (const { ordinal, group } of shards) {
      const slots = this.#slots.get(ordinal);
      if (slots === undefined || group === null) continue;
      const held = must(this.#held.get(group), 'the shard group of a shard is in the routing summary');
      for (const segment of this.#segments.of(slots)) held.add(segment);
    }
    this.#coarse = new Regions(regionRowsOf(groups.map(coarseOf)), { dimensions });
  }

  /** The shard groups to look into for a query, the nearest first. */
  groupsForSearching(values: Float32Array): number[] {
    const near = this.#groupsByNearness(searchingPoint(this.#metric, values));
    return this.#segments.firstOfEach(near, SEARCHING.groups, (group) => this.#heldBy(group));
  }

  /** The shard groups to look into for a vector of an id with a slot. */
  groupsForPlacing(values: Float32Array, slot: number): number[] {
    const segment = this.#segments.at(slot);
    const near = this.#groupsByNearness(placingPoint(this.#metric, values));
    return near.filter((group) => this.#heldBy(group).has(segment)).slice(0, PLACING.groups);
  }

  /** The shards of some groups by where a query's matches are likely, the likeliest first; for any id the same number. */
  rankForSearching(values: Float32Array, groups: readonly number[], regionsOf: RegionsOf): RankedShard[] {
    const point = searchingPoint(this.#metric, values);
    const near = this.#roughly(point, groups, regionsOf);
    return exactly(
      point,
      this.#segments.firstOfEach(near, SEARCHING.shards, ({ slots }) => this.#segments.of(slots)),
    );
  }

  /**
   * The nearest few shards of a group that hold a slot, as candidates for a vector of such an id: among the group's portion of the shards
   * that are compared exactly.
   */
  nearInGroup(values: Float32Array, slot: number, group: number, regions: Regions, groupCount: number): NearShard[] {
    const point = placingPoint(this.#metric, values);
    const near = this.#roughly(point, [group], () => regions, slot).slice(0, Math.ceil(PLACING.shards / groupCount));
    const compared = near.map((candidate) => ({ ...candidate, distance: regions.distance(point, candidate.place) }));
    return compared
      .sort(byNearness)
      .slice(0, PLACINGS)
      .map(({ ordinal, distance, place }) => ({ ordinal, distance, centroid: regions.nearestCentroid(point, place) }));
  }

  #heldBy(group: number): Set<number> {
    return must(this.#held.get(group), 'a shard group of the routing summary');
  }

  #groupsByNearness(point: RankingPoint): number[] {
    const coarse = this.#coarse;
    // A single shard group has no coarse centroids.
    if (coarse.ordinals.length === 0) return [...this.#held.keys()];
    const ranked = coarse.ordinals.map((ordinal, place) => ({ ordinal, distance: coarse.distance(point, place) }));
    return ranked.sort(byNearness).map(({ ordinal }) => ordinal);
  }

  /** Ranked by the means of their centroids. Of all shards of the groups, or of those that hold a slot. */
  #roughly(point: RankingPoint, groups: readonly number[], regionsOf: RegionsOf, slot?: number): Candidate[] {
    const candidates = groups.flatMap((group) => {
      const regions = regionsOf(group);
      return regions.ordinals.flatMap((ordinal, place): Candidate[] => {
        const slots = must(this.#slots.get(ordinal), 'a shard of a group is in the routing summary');
        if (slot !== undefined && !holdsSlot(slots, slot)) return [];
        return [{ ordinal, slots, regions, place, distance: regions.roughDistance(point, place) }];
      });
    });
    return candidates.sort(byNearness);
  }
}

interface Candidate extends RankedShard {
  readonly regions: Regions;
  readonly place: number;
}

const exactly = (point: RankingPoint, candidates: readonly Candidate[]): RankedShard[] =>
  candidates.map(({ ordinal, slots, regions, place }) => ({ ordinal, slots, distance: regions.distance(point, place) })).sort(byNearness);

const coarseOf = ({ number, coarse }: SummarisedGroup) => ({
  ordinal: number,
  centroids: must(coarse, 'a routing summary is completed before it is used'),
});
