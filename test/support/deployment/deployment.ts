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

/** A whole Sluice on free ports with its own empty state: one workerd, `gateways` separate gateway isolates. */
export async function deploy(gateways = 1, variables: Readonly<Record<string, string>> = { LOG_LEVEL: 'warn' }): Promise<Deployment> {
  // A new object costs several fsyncs: a RAM disk keeps the tests' time for the tests.
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
