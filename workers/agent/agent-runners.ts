import { hostname } from 'node:os';

import { CommandRunner } from './command-runner.ts';
import { EmbeddingRunner } from './embedding-runner.ts';
import type { GatewayModels } from './gateway-models.ts';
import { gatewayFiles } from './gateway-models.ts';
import { IndexBuildRunner } from './index-build-runner.ts';
import { ModelBuildRunner } from './model-build-runner.ts';
import type { JobRunners } from './job-runner.ts';
import { OnlineRunner } from './online-runner.ts';
import type { AgentConfig } from './pool-client.ts';
import { TrainingRunner } from './training-runner.ts';

/** What an agent runs of the kinds that it allows, whether it asks for work itself or a cluster starts it. */
export const agentRunners = (
  { address = hostname(), url, beside }: Pick<AgentConfig, 'address' | 'url' | 'beside'>,
  models: GatewayModels,
  allowed: ReadonlySet<string>,
): JobRunners => ({
  batch_embedding: new EmbeddingRunner(models),
  ...(allowed.has('command') ? { command: new CommandRunner() } : {}),
  ...(allowed.has('index_build') ? { index_build: new IndexBuildRunner() } : {}),
  ...(allowed.has('quantize') ? { quantize: new ModelBuildRunner<'quantize'>(gatewayFiles(url)) } : {}),
  ...(allowed.has('prune') ? { prune: new ModelBuildRunner<'prune'>(gatewayFiles(url)) } : {}),
  ...(allowed.has('distill') ? { distill: new ModelBuildRunner<'distill'>(gatewayFiles(url)) } : {}),
  ...(allowed.has('online_inference') ? { online_inference: new OnlineRunner(address, models, beside) } : {}),
  ...(allowed.has('training') ? { training: new TrainingRunner(address, url) } : {}),
});
