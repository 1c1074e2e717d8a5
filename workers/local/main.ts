import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

import { AdminClient } from './admin-client.ts';
import { AgentProcesses } from './agent-processes.ts';
import { agentMachine } from './agent-machine.ts';
import { agentRange } from './agent-range.ts';
import { provideAgents } from './local-provider.ts';
import type { Demo } from './bootstrap.ts';
import { bootstrap } from './bootstrap.ts';
import { bundle } from './bundle.ts';
import { nativeAdvice } from './native-runtime.ts';
import { closeFolder, makeOwnerOnly, writeOwnerOnly } from './owner-only.ts';
import { devFileOf } from './paths.ts';
import { QUIET_ENVIRONMENT } from './quiet-environment.ts';
import { serve } from './serve.ts';
import { machineMemoryBytes, readSettings } from './settings.ts';
import { explainSetupErrors, SetupError } from './setup-error.ts';

/** An agent starts within a second or two, and costs little while it waits. */
const LOCAL_ELASTICITY = { provision_s: 10, idle_s: 10 };

/** Each is an isolate of its own in one workerd. */
const GATEWAYS_MAX = 16;

explainSetupErrors();
Object.assign(process.env, QUIET_ENVIRONMENT);
const { values: flags } = parseArgs({
  options: {
    gateways: { type: 'string', default: '1' },
    'no-agent': { type: 'boolean', default: false },
    agents: { type: 'string', default: '1' },
  },
});
const gateways = Number(flags.gateways);
if (!Number.isInteger(gateways) || gateways < 1 || gateways > GATEWAYS_MAX)
  throw new SetupError(`--gateways must be a number from 1 to ${GATEWAYS_MAX}, not "${flags.gateways}".`);
const hasAgent = !flags['no-agent'] && flags.agents !== '0';
const { port, stateDir, variables } = readSettings(process.env, gateways, { memoryBytes: machineMemoryBytes(), hasAgent });
const ports = Array.from({ length: gateways }, (_, position) => port + position);

await bundle();
const server = await serve({ ports, stateDir, variables });
const url = `http://127.0.0.1:${port}`;
const demo = await bootstrap(url, server.secrets.SLUICE_ADMIN_KEY);
await writeDevFile(demo);
const machine = agentMachine(process.env, variables);
const agents = new AgentProcesses({
  url,
  pool: demo.pool,
  agentToken: demo.agentToken,
  name: 'local',
  stateDir: join(stateDir, 'agents'),
  environment: machine.environment,
});
const stopping = new AbortController();
await startAgents();
printBanner(demo);

async function stop(): Promise<void> {
  if (stopping.signal.aborted) return;
  stopping.abort();
  await agents.stop();
  await server.stop();
  process.exit(0);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect'] as const) process.on(signal, () => void stop());

/** Where scripts, tests and the demo find the running server. */
async function writeDevFile({ apiKey, adminKey, tenant }: Demo): Promise<void> {
  const file = devFileOf(process.env);
  const folder = dirname(file);
  await makeOwnerOnly(folder);
  await closeFolder(folder);
  await writeOwnerOnly(file, `${JSON.stringify({ url, admin_key: adminKey, api_key: apiKey, tenant }, null, 2)}\n`);
}

/** One agent that is started again when it dies; or with `--agents 0..4` as many of that range as waiting jobs call for. */
async function startAgents(): Promise<void> {
  const { least, most } = agentRange(flags['no-agent'] ? '0' : flags.agents);
  await new AdminClient(url, server.secrets.SLUICE_ADMIN_KEY).change(`/v1/pools/${demo.pool}`, {
    elasticity: least === most ? null : { ...LOCAL_ELASTICITY, node: machine.node, min_nodes: least, max_nodes: most },
  });
  agents.want(least);
  if (least === most) return;
  const { pool, agentToken } = demo;
  void provideAgents({ url, pool, agentToken, name: 'local', countMax: most, agents, stopped: stopping.signal });
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
      -d '{"model": "bge-static-256", "input": "a sluice lets through just enough water"}'
${variables['MODEL_REPLICAS'] === 'auto' ? nativeAdvice() : ''}
  A guided tour: npm run demo        Stop: Ctrl-C
`);
}
