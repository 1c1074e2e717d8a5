import { parseArgs } from 'node:util';

import type { AnnOptions } from './ann.ts';
import { annBench } from './ann.ts';
import { filterBench } from './filters.ts';
import { gatewayBench } from './gateway.ts';

const AREAS: Record<string, (options: AnnOptions) => Promise<void>> = { ann: annBench, filters: filterBench, gateway: gatewayBench };

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { data: { type: 'string' }, metric: { type: 'string' }, peers: { type: 'boolean' }, quick: { type: 'boolean' } },
});
const area = AREAS[positionals[0] ?? ''];
if (area === undefined) {
  console.error(`usage: npm run bench -- AREA    AREA is one of: ${Object.keys(AREAS).join(', ')}`);
  process.exit(2);
}
await area(values);
