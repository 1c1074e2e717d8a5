import { mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleEntry, bundleVariant } from '../../../workers/local/bundle.ts';
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

/** Creating an object costs several fsyncs, which a RAM disk makes cheap. */
export const emptyState = (): Promise<string> => mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-test-'));

/** Starts a whole Sluice on free ports with empty state of its own: one workerd with `gateways` separate gateway isolates. */
export async function deploy(
  gateways = 1,
  variables: Variables = QUIET,
  guests: readonly Guest[] = [],
  variants: Parameters<typeof serve>[0]['variants'] = {},
): Promise<Deployment> {
  const stateDir = await emptyState();
  const ports = await Promise.all(Array.from({ length: gateways }, freePort));
  const server = await serve({ ports, stateDir, variables, guests, variants });
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

export async function deployReachable(gateways = 1, variants: Parameters<typeof deploy>[3] = {}): Promise<ReachableDeployment> {
  const [bundle, port] = ['object-calls', await freePort()];
  await bundleEntry(bundle, join(ROOT, 'test/workerd/object-calls/worker.ts'));
  return { ...(await deploy(gateways, QUIET, [{ bundle, port, isBound: true }], variants)), objects: new ObjectCalls(port) };
}

/** What objects have that lose their memory when a test says so: the call fails, as they do not answer it. */
export interface Evictable {
  evict(): Promise<void>;
}

/** One whose pools and schedulers are `Evictable`. */
export async function deployEvictable(): Promise<ReachableDeployment> {
  const objects = 'objects-that-can-be-evicted';
  const standIn = join(ROOT, 'test/workerd/evictable-objects/worker.ts');
  const classes = ['pool-object', 'scheduler-object'].map((name) => [`../../durable-objects/${name}.ts`, standIn]);
  await bundleVariant(objects, 'objects', Object.fromEntries(classes) as Record<string, string>);
  return deployReachable(1, { objects });
}
