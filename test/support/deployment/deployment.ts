import { mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '../../../workers/local/serve.ts';
import type { Server } from '../../../workers/local/serve.ts';
import { freePort } from './free-port.ts';

export interface Deployment extends Server {
  readonly stateDir: string;
}

/** Starts a whole Sluice on free ports with empty state of its own: one workerd with `gateways` separate gateway isolates. */
export async function deploy(gateways = 1, variables: Readonly<Record<string, string>> = { LOG_LEVEL: 'warn' }): Promise<Deployment> {
  // Creating an object costs several fsyncs, which a RAM disk makes cheap.
  const stateDir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-test-'));
  const ports = await Promise.all(Array.from({ length: gateways }, freePort));
  const server = await serve({ ports, stateDir, variables });
  return {
    ...server,
    stateDir,
    stop: async () => {
      await server.stop();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}
