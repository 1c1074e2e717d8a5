import { parseArgs } from 'node:util';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { bootstrap } from './bootstrap.ts';
import type { Demo } from './bootstrap.ts';
import { bundle } from './bundle.ts';
import { ROOT } from './paths.ts';
import { QUIET_ENVIRONMENT } from './quiet-environment.ts';
import { serve } from './serve.ts';

Object.assign(process.env, QUIET_ENVIRONMENT);
const { values: flags } = parseArgs({
  options: { gateways: { type: 'string', default: '1' }, 'no-agent': { type: 'boolean', default: false } },
});
const port = Number(process.env['PORT'] ?? 8787);
const stateDir = resolve(process.env['SLUICE_STATE_DIR'] ?? join(ROOT, '.sluice/state'));
const ports = Array.from({ length: Number(flags.gateways) }, (_, position) => port + position);

await bundle();
const server = await serve({ ports, stateDir, variables: { LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'warn' } });
const url = `http://127.0.0.1:${port}`;
const demo = await bootstrap(url, server.secrets.SLUICE_ADMIN_KEY);
await writeDevFile(demo);
const agent = flags['no-agent'] ? undefined : startAgent(demo);
printBanner(demo);

let stopping = false;
async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  agent?.kill('SIGTERM');
  await server.stop();
  process.exit(0);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect'] as const) process.on(signal, () => void stop());

/** Where scripts, tests and the demo find the running server. */
async function writeDevFile({ apiKey, adminKey }: Demo): Promise<void> {
  const folder = join(ROOT, '.sluice');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'dev.json'), `${JSON.stringify({ url, admin_key: adminKey, api_key: apiKey }, null, 2)}\n`, { mode: 0o600 });
}

function startAgent({ pool, agentToken }: Demo): ChildProcess {
  return spawn(process.execPath, [join(ROOT, 'workers/agent/index.ts')], {
    env: { ...process.env, SLUICE_URL: url, SLUICE_POOL: pool, SLUICE_AGENT_TOKEN: agentToken },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

function printBanner({ apiKey }: Demo): void {
  console.log(`
  Sluice is running.

    API    ${url}
    docs   ${url}/docs/
    key    ${apiKey}

  Try it:

    curl ${url}/v1/embeddings \\
      -H "authorization: Bearer ${apiKey}" \\
      -H "content-type: application/json" \\
      -d '{"model": "glove-sif-100", "input": "a sluice lets through just enough water"}'

  A guided tour: npm run demo        Stop: Ctrl-C
`);
}
