import { parseArgs } from 'node:util';

import { annBench } from './ann.ts';
import { filterBench } from './filters.ts';
import { gatewayBench } from './gateway.ts';

const AREAS: Record<string, () => Promise<void>> = { ann: annBench, filters: filterBench, gateway: gatewayBench };

const { positionals } = parseArgs({ allowPositionals: true, options: { data: { type: 'string' } } });
const area = AREAS[positionals[0] ?? ''];
if (area === undefined) {
  console.error(`usage: npm run bench -- AREA    AREA is one of: ${Object.keys(AREAS).join(', ')}`);
  process.exit(2);
}
await area();
