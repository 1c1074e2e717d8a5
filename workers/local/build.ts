import { buildAssets } from './assets.ts';
import { bundleWorker } from './bundle.ts';
import { WORKER_NAMES } from './paths.ts';

// What a deployment would upload, with wrangler's own account of it.
await buildAssets();
for (const worker of WORKER_NAMES) console.log(await bundleWorker(worker));
