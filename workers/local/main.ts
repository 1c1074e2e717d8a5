import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import type { Demo } from './bootstrap.ts';
import { bootstrap } from './bootstrap.ts';
import { bundle } from './bundle.ts';
import { closeFolder, makeOwnerOnly, writeOwnerOnly } from './owner-only.ts';
import { ROOT } from './paths.ts';
import { QUIET_ENVIRONMENT } from './quiet-environment.ts';
import { serve } from './serve.ts';
import { readSettings } from './settings.ts';
import { explainSetupErrors } from './setup-error.ts';

/** Longer than an agent takes to end what it is at. */
const AGENT_STOP_MS = 2_000;

explainSetupErrors();
Object.assign(process.env, QUIET_ENVIRONMENT);
const { values: flags } = parseArgs({
  options: { gateways: { type: 'string', default: '1' }, 'no-agent': { type: 'boolean', default: false } },
});
const gateways = Number(flags.gateways);
const { port, stateDir, variables } = readSettings(process.env, gateways);
const ports = Array.from({ length: gateways }, (_, position) => port + position);

await bundle();
const server = await serve({ ports, stateDir, variables });
const url = `http://127.0.0.1:${port}`;
const demo = await bootstrap(url, server.secrets.SLUICE_ADMIN_KEY);
await writeDevFile(demo);
const agent = flags['no-agent'] ? undefined : startAgent(demo);
printBanner(demo);

let stopping = false;
async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  if (agent !== undefined) await stopped(agent);
  await server.stop();
  process.exit(0);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect'] as const) process.on(signal, () => void stop());

/** Where scripts, tests and the demo find the running server. */
async function writeDevFile({ apiKey, adminKey, tenant }: Demo): Promise<void> {
  const folder = join(ROOT, '.sluice');
  await makeOwnerOnly(folder);
  await closeFolder(folder);
  await writeOwnerOnly(join(folder, 'dev.json'), `${JSON.stringify({ url, admin_key: adminKey, api_key: apiKey, tenant }, null, 2)}\n`);
}

function startAgent({ pool, agentToken }: Demo): ChildProcess {
  // It waits nearly always: garbage need not gather up to the default of 48 MB.
  return spawn(process.execPath, ['--max-semi-space-size=1', join(ROOT, 'workers/agent/index.ts')], {
    env: { ...process.env, SLUICE_URL: url, SLUICE_POOL: pool, SLUICE_AGENT_TOKEN: agentToken },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

/** An agent gives its attempt back, for which it needs the gateway. */
async function stopped(child: ChildProcess): Promise<void> {
  const exited = new Promise((exit) => child.once('exit', exit));
  if (child.exitCode !== null || !child.kill('SIGTERM')) return;
  await Promise.race([exited, sleep(AGENT_STOP_MS)]);
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
