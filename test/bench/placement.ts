import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { billedTable } from './placement/billed-table.ts';
import { gavelTable } from './placement/gavel-table.ts';
import { openbTable } from './placement/openb-table.ts';
import { optimumTable } from './placement/optimum-table.ts';
import { pricedDayTable } from './placement/priced-day-table.ts';
import { servedOpenbTable } from './placement/served-openb-table.ts';

/**
 * Placement on published traces by the published protocols: every list of jobs in `openb/` and every `continuous_single` of `gavel/` under
 * `--data DIR`; without it, only the parts that need no traces. The last line of output is the whole result as JSON.
 */
export async function placementBench({
  data,
  quick = false,
}: {
  readonly data?: string | undefined;
  readonly quick?: boolean | undefined;
}): Promise<void> {
  const [openbFolder, gavelFolder] = ['openb', 'gavel'].map((name) => folderIn(data, name));
  if (data === undefined) console.log('without --data DIR, a folder with openb/ or gavel/, no traces are replayed');
  else if ((openbFolder ?? gavelFolder) === undefined)
    throw new Error(`${data} has no folder openb or gavel: --data names the folder with the traces`);
  const openb = openbFolder === undefined ? [] : await openbTable(openbFolder, quick);
  const served = openbFolder === undefined ? [] : await servedOpenbTable(openbFolder, quick);
  const gavel = gavelFolder === undefined ? [] : await gavelTable(gavelFolder, quick);
  const optimum = optimumTable(quick ? 50 : 240);
  const day = pricedDayTable(quick ? 3 : 20);
  const billed = billedTable(quick ? 2 : 8);
  console.log(JSON.stringify({ openb, served, gavel, optimum, day, billed }));
}

function folderIn(data: string | undefined, name: string): string | undefined {
  const folder = data === undefined ? undefined : join(data, name);
  return folder !== undefined && existsSync(folder) ? folder : undefined;
}
