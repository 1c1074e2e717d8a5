import { KnownRoutes } from '../../../src/index/routing/known-routes.ts';
import { Regions } from '../../../src/index/routing/regions.ts';
import { summaryOf, regionPage } from '../../../src/index/routing/routing-summary.ts';
import type { RouteTable } from '../../../src/index/routing/route-table.ts';
import { ok } from '../../../src/kernel/result.ts';

/** Routes that load regions from a table on demand, without limit, and remember all of them. */
export function routesOfTable(table: RouteTable, onAsked: (group: number) => void = () => undefined): KnownRoutes {
  const known = new Map<number, Regions>();
  return new KnownRoutes(summaryOf(table), async (group, since) => {
    onAsked(group);
    const remembered = known.get(group);
    if (remembered !== undefined) return ok(remembered);
    const page = regionPage(table, group, since);
    if (!page.ok) return page;
    const regions = new Regions(page.value, table);
    known.set(group, regions);
    return ok(regions);
  });
}
