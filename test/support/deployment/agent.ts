import { spawn } from 'node:child_process';
import { join } from 'node:path';

import { ROOT } from '../../../workers/local/paths.ts';
import type { Reached } from './shared-deployment.ts';

export interface Agent {
  /** Shuts it down gracefully. */
  stop(): Promise<void>;
  /** Kills it without warning, as a power cut would. */
  kill(): void;
  /** Freezes it, as a machine that hangs would. */
  freeze(): void;
}

export function startAgent(
  server: Reached,
  pool: { readonly id: string; readonly agent_token: string },
  flags: readonly string[] = [],
): Agent {
  const child = spawn(process.execPath, [join(ROOT, 'workers/agent/index.ts'), ...flags], {
    env: { ...process.env, SLUICE_URL: server.urls[0], SLUICE_POOL: pool.id, SLUICE_AGENT_TOKEN: pool.agent_token },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
    kill: () => void child.kill('SIGKILL'),
    freeze: () => void child.kill('SIGSTOP'),
  };
}
