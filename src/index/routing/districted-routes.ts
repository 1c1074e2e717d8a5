import type { DistrictSizes } from './district-sizes.ts';
import { withDistricts } from './districts.ts';
import type { RouteTable } from './route-table.ts';
import type { Cell } from './shard-route.ts';

/** A route table whose shards are grouped in districts: no change of routes is kept without what it means for them. */
export class DistrictedRoutes implements Cell<RouteTable> {
  readonly #cell: Cell<RouteTable>;
  readonly #sizes: DistrictSizes;

  constructor(cell: Cell<RouteTable>, sizes: DistrictSizes) {
    this.#cell = cell;
    this.#sizes = sizes;
  }

  get(): RouteTable | undefined {
    return this.#cell.get();
  }

  put(table: RouteTable): void {
    this.#cell.put(withDistricts(this.#cell.get(), table, this.#sizes));
  }
}
