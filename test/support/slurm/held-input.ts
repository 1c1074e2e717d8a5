import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

// Loaded before the runner: the process takes its attempt and keeps it, as one at long work does, and gets its input only once the folder has
// no file `hold`. What it writes down shows the test that it has begun.

const folder = process.env['SLUICE_TEST_FOLDER'] ?? '';
const fetched = globalThis.fetch;

globalThis.fetch = async (...call) => {
  const [address] = call;
  const attempt = typeof address === 'string' ? /attempts\/(att_\w+)\/transfers/.exec(address)?.[1] : undefined;
  const body = call[1]?.body;
  if (attempt !== undefined && typeof body === 'string' && body.includes('"input"')) {
    writeFileSync(join(folder, `begun ${attempt} ${process.env['SLURMD_NODENAME'] ?? ''} ${process.pid}`), '');
    const signal = call[1]?.signal ?? undefined;
    while (existsSync(join(folder, 'hold'))) await sleep(50, undefined, signal === undefined ? {} : { signal });
  }
  return fetched(...call);
};
