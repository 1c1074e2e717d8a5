import { must } from '../../kernel/assert.ts';
import type { Metric } from '../../contract/index-settings.ts';
import { placesOf } from '../routing/places-of.ts';
import { receivers } from '../routing/route-table.ts';
import { Router } from '../routing/router.ts';
import type { DrainOrder } from '../routing/shard-route.ts';

/** Where a row should be, too or only. */
export interface RowWish {
  readonly to: readonly number[];
  /** Whether it belongs there rather than here. */
  readonly isNearer: boolean;
  /** Whether both may keep it. */
  readonly isShared: boolean;
}

/** What a shard under an order wishes for its rows. */
export class RowWishes {
  readonly #here: number;
  readonly #order: DrainOrder;
  readonly #router: Router;
  readonly #into: ReadonlySet<number>;
  /** Whether rows are assigned among all neighbouring shards, not only among those that vectors may be sent to. */
  readonly isWhole: boolean;

  constructor(here: number, order: DrainOrder, space: { readonly metric: Metric; readonly dimensions: number }) {
    const own = must(
      order.shards.find(({ ordinal }) => ordinal === here),
      'an order names the shard that it is for',
    );
    this.#here = here;
    this.#order = order;
    this.#router = new Router({ ...space, shards: order.shards });
    this.#into = new Set(receivers(own));
    this.isWhole = own.state.kind === 'tidying';
  }

  /** The shards among which rows are assigned. */
  get shards(): number {
    return this.#order.shards.length;
  }

  of(values: Float32Array, slot: number): RowWish | undefined {
    const places = placesOf(this.#router.placings(values, slot), this.#order.margin);
    return this.isWhole ? this.#inOrder(places) : this.#divided(places);
  }

  /** All shards that the row is assigned to, among those that may receive rows. */
  #inOrder(places: readonly number[]): RowWish | undefined {
    const isShared = places.includes(this.#here);
    const to = places.filter((place) => place !== this.#here);
    const isPossible = to.length > 0 && to.every((place) => this.#into.has(place));
    return isPossible ? { to, isNearer: !isShared, isShared } : undefined;
  }

  /** Between this shard and those that it gives some of its region to. */
  #divided(places: readonly number[]): RowWish | undefined {
    const to = places.find((place) => place !== this.#here);
    return to === undefined ? undefined : { to: [to], isNearer: places[0] === to, isShared: places.includes(this.#here) };
  }
}
