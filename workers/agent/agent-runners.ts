import { hostname } from 'node:os';

import { CommandRunner } from './command-runner.ts';
import { EmbeddingRunner } from './embedding-runner.ts';
import { GatewayModels, gatewayFiles } from './gateway-models.ts';
import { IndexBuildRunner } from './index-build-runner.ts';
import type { JobRunners } from './job-runner.ts';
import { OnlineRunner } from './online-runner.ts';
import type { AgentConfig } from './pool-client.ts';
import { TrainingRunner } from './training-runner.ts';

/** What an agent runs of the kinds that it allows, whether it asks for work itself or a cluster starts it. */
export const agentRunners = (
  { url, cacheSocket, address = hostname() }: Pick<AgentConfig, 'url' | 'cacheSocket' | 'address'>,
  allowed: ReadonlySet<string>,
): JobRunners => ({
  batch_embedding: new EmbeddingRunner(new GatewayModels(gatewayFiles(url), cacheSocket)),
  ...(allowed.has('command') ? { command: new CommandRunner() } : {}),
  ...(allowed.has('index_build') ? { index_build: new IndexBuildRunner() } : {}),
  ...(allowed.has('online_inference') ? { online_inference: new OnlineRunner(address, gatewayFiles(url)) } : {}),
  ...(allowed.has('training') ? { training: new TrainingRunner(address) } : {}),
});
