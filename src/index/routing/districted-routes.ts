import type { DistrictSizes } from './district-sizes.ts';
import { withDistricts } from './districts.ts';
import type { RouteTable } from './route-table.ts';
import type { Cell } from './shard-route.ts';

/** A routing table whose shards are in shard groups: every change of routes is stored together with its effect on the groups. */
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
