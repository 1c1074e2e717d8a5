import { hostname } from 'node:os';
import { commandRunner } from './command-runner.ts';
import { embeddingRunner } from './embedding-runner.ts';
import type { GatewayModels } from './gateway-models.ts';
import { gatewayFiles } from './gateway-models.ts';
import { runIndexBuild } from './index-build-runner.ts';
import { modelBuildRunner } from './model-build-runner.ts';
import type { JobRunners } from './job-runner.ts';
import type { MachineDevices } from './machine-devices.ts';
import { NO_DEVICES } from './machine-devices.ts';
import { onlineRunner } from './online-runner.ts';
import type { AgentConfig } from './pool-client.ts';
import { trainingRunner } from './training-runner.ts';
import { parseArgs } from 'node:util';
import type { JobKind } from '../../src/contract/jobs/job-work.ts';
import { JOB_KINDS } from '../../src/contract/jobs/job-work.ts';
import { KIND_FACTS } from '../../src/contract/jobs/job-facts.ts';
import { canGuard } from './guarded-process.ts';

interface AgentPlace extends Pick<AgentConfig, 'address' | 'url' | 'beside'> {
  readonly devices?: MachineDevices;
}

/** What an agent runs of the kinds that it allows, whether it asks for work itself or a cluster starts it. */
export const agentRunners = (
  { address = hostname(), url, beside, devices = NO_DEVICES }: AgentPlace,
  models: GatewayModels,
  allowed: ReadonlySet<string>,
): JobRunners => ({
  batch_embedding: embeddingRunner(models),
  ...(allowed.has('command') ? { command: commandRunner(devices) } : {}),
  ...(allowed.has('index_build') ? { index_build: runIndexBuild } : {}),
  ...(allowed.has('quantize') ? { quantize: modelBuildRunner<'quantize'>(gatewayFiles(url)) } : {}),
  ...(allowed.has('prune') ? { prune: modelBuildRunner<'prune'>(gatewayFiles(url)) } : {}),
  ...(allowed.has('distill') ? { distill: modelBuildRunner<'distill'>(gatewayFiles(url)) } : {}),
  ...(allowed.has('online_inference') ? { online_inference: onlineRunner({ host: address, models, beside }) } : {}),
  ...(allowed.has('training') ? { training: trainingRunner({ host: address, url, devices }) } : {}),
});

/**
 * The kinds of jobs that run code of tenants, or open a port, and that the operator of this agent lets it run: `--allow command`, or
 * `SLUICE_AGENT_ALLOW=command`; several by commas. Throws for what is no such kind, and where this machine cannot guard processes.
 */
export function allowedKinds(args: readonly string[], environment: Readonly<Record<string, string | undefined>>): ReadonlySet<JobKind> {
  const { values } = parseArgs({ args: [...args], options: { allow: { type: 'string', multiple: true } } });
  const named = values.allow ?? [environment['SLUICE_AGENT_ALLOW'] ?? ''];
  const kinds = named.flatMap((value) => value.split(',')).filter((value) => value !== '');
  const optIn = JOB_KINDS.filter((kind) => KIND_FACTS[kind].isOptIn);
  const allowed = kinds.map((value) => {
    const kind = optIn.find((candidate) => candidate === value);
    if (kind === undefined) throw new Error(`--allow takes ${optIn.join(', ')}, not "${value}"`);
    return kind;
  });
  if (allowed.some((kind) => kind === 'command' || kind === 'training') && !canGuard())
    throw new Error('programs of jobs are run on Linux alone, with `timeout` and `head` of the coreutils');
  return new Set(allowed);
}
