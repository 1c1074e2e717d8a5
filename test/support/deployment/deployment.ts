import { mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleEntry } from '../../../workers/local/bundle.ts';
import { ROOT } from '../../../workers/local/paths.ts';
import { serve } from '../../../workers/local/serve.ts';
import type { Server } from '../../../workers/local/serve.ts';
import type { Guest } from '../../../workers/local/workerd-config.ts';
import { freePort } from './free-port.ts';
import { ObjectCalls } from './object-calls.ts';

export interface Deployment extends Server {
  readonly stateDir: string;
}

type Variables = Readonly<Record<string, string>>;

const QUIET: Variables = { LOG_LEVEL: 'warn' };

/** Starts a whole Sluice on free ports with empty state of its own: one workerd with `gateways` separate gateway isolates. */
export async function deploy(gateways = 1, variables: Variables = QUIET, guests: readonly Guest[] = []): Promise<Deployment> {
  // Creating an object costs several fsyncs, which a RAM disk makes cheap.
  const stateDir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-test-'));
  const ports = await Promise.all(Array.from({ length: gateways }, freePort));
  const server = await serve({ ports, stateDir, variables, guests });
  return {
    ...server,
    stateDir,
    stop: async () => {
      await server.stop();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

/** Its Durable Objects can be called. */
export interface ReachableDeployment extends Deployment {
  readonly objects: ObjectCalls;
}

export async function deployReachable(gateways = 1): Promise<ReachableDeployment> {
  const [bundle, port] = ['object-calls', await freePort()];
  await bundleEntry(bundle, join(ROOT, 'test/workerd/object-calls/worker.ts'));
  return { ...(await deploy(gateways, QUIET, [{ bundle, port, isBound: true }])), objects: new ObjectCalls(port) };
}
