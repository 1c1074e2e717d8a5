import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { gavelTable } from './placement/gavel-table.ts';
import { openbTable } from './placement/openb-table.ts';
import { optimumTable } from './placement/optimum-table.ts';
import { pricedDayTable } from './placement/priced-day-table.ts';

/** Where the traces lie beside a checkout that has them. */
const DATA = join(import.meta.dirname, '../../../shared/data/traces');

/**
 * Placement on published traces by the published protocols: every list of jobs of `openb/` and every `continuous_single` of `gavel/` under
 * `--data DIR`. The last line is all of it as JSON.
 */
export async function placementBench({
  data = DATA,
  quick = false,
}: {
  readonly data?: string | undefined;
  readonly quick?: boolean | undefined;
}): Promise<void> {
  if (!existsSync(join(data, 'openb')) && !existsSync(join(data, 'gavel'))) {
    throw new Error(`${data} has no folder openb or gavel: --data names the folder with the traces`);
  }
  const openb = existsSync(join(data, 'openb')) ? await openbTable(join(data, 'openb'), quick) : [];
  const gavel = existsSync(join(data, 'gavel')) ? await gavelTable(join(data, 'gavel'), quick) : [];
  const optimum = optimumTable(quick ? 50 : 240);
  const day = pricedDayTable(quick ? 3 : 20);
  console.log(JSON.stringify({ openb, gavel, optimum, day }));
}
