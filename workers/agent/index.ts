import { readMachine } from './agent-capacity.ts';
import { runAgent } from './agent.ts';
import { AgentState } from './agent-state.ts';
import { agentRunners, allowedKinds } from './agent-runners.ts';
import { GatewayModels, gatewayFiles } from './gateway-models.ts';
import { readConfig, PoolClient } from './pool-client.ts';
import { noticeSourceIn, watchForNotice } from './interruption-notice.ts';
import { Readiness, readyPortIn, serveReadiness } from './readiness.ts';

// What ends an agent is for its operator to put right: the message says it, no stack does.
process.once('uncaughtException', (error) => {
  console.error(`The agent stops: ${error.message}`);
  process.exit(1);
});

const config = readConfig(process.env);
const stop = new AbortController();
// `disconnect`: the process that started the agent is gone.
for (const signal of ['SIGTERM', 'SIGINT', 'disconnect'] as const) process.once(signal, () => stop.abort());

const readiness = new Readiness();
const readyPort = readyPortIn(process.env);
if (readyPort !== undefined) {
  const { port } = await serveReadiness(readiness, readyPort);
  // What started the agent learns where it answers.
  process.send?.({ readyPort: port });
}

// The process that follows this one is the same agent.
const stateDir = process.env['SLUICE_AGENT_STATE_DIR'];
const state = stateDir === undefined || stateDir === '' ? undefined : await AgentState.open(stateDir, config.poolId);
const { said, devices } = readMachine(process.env, process.pid);
const machine = { ...said, name: process.env['SLUICE_AGENT_NAME'] || (state?.known?.name ?? said.name) };
const { url, cacheSocket } = config;
const models = new GatewayModels({ files: gatewayFiles(url), cacheSocket, weightsMaxMib: machine.weights_max_mib });

const client = new PoolClient(config, state?.known?.agent);
const source = noticeSourceIn(process.env);
if (source !== undefined) void watchForNotice(source, { say: (inS, signal) => client.notice(inS, signal), stopped: stop.signal });

await runAgent({
  client,
  models,
  runners: agentRunners({ ...config, devices }, models, allowedKinds(process.argv.slice(2), process.env)),
  secrets: [config.token, ...(config.beside?.key === undefined ? [] : [config.beside.key])],
  machine,
  stopped: stop.signal,
  readiness,
  keep: async (agent) => state?.keep({ pool: config.poolId, agent, name: machine.name }),
});
process.exit(0);
