import { spawn } from 'node:child_process';
import { join } from 'node:path';

import { ROOT } from '../../../workers/local/paths.ts';
import type { Reached } from './shared-deployment.ts';

export interface Agent {
  /** Shuts it down gracefully. */
  stop(): Promise<void>;
  /** Kills it without warning, as a power cut would. */
  kill(): void;
  /** It does nothing from now on, as if its machine slept. */
  freeze(): void;
  /** It goes on where it was, unaware of the time that has passed. */
  thaw(): void;
  /** Sets its clock forward, or back, by so much; what measures durations does not notice. Only of one with a `clock`. */
  stepClock(ms: number): void;
}

interface AgentOptions {
  /** Where it finds the gateway, if not at the gateway's own address. */
  readonly url?: string;
  /** Besides what says where it works. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Seconds that its clock is ahead, and how many of its seconds pass in one. */
  readonly clock?: { readonly aheadS: number; readonly rate: number };
}

export function startAgent(
  server: Reached,
  pool: { readonly id: string; readonly agent_token: string },
  flags: readonly string[] = [],
  { url = server.urls[0], clock, environment = {} }: AgentOptions = {},
): Agent {
  const skew = clock === undefined ? [] : ['--import', skewed(clock)];
  const child = spawn(process.execPath, [...skew, join(ROOT, 'workers/agent/index.ts'), ...flags], {
    env: {
      ...process.env,
      SLUICE_URL: url,
      SLUICE_POOL: pool.id,
      SLUICE_AGENT_TOKEN: pool.agent_token,
      SLUICE_AGENT_ADDRESS: '127.0.0.1',
      ...environment,
    },
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
    thaw: () => void child.kill('SIGCONT'),
    // One that is dead has no clock.
    stepClock: (ms) => void (child.connected && child.send({ stepClockMs: ms }, () => undefined)),
  };
}

/** A module that sets the clocks of the process that imports it; its timers keep the real time. */
const skewed = ({ aheadS, rate }: Required<AgentOptions>['clock']): string =>
  `data:text/javascript,${encodeURIComponent(`
    let steppedMs = 0;
    process.on('message', ({ stepClockMs }) => (steppedMs += stepClockMs));
    for (const clock of [Date, performance]) {
      const real = clock.now.bind(clock);
      const from = real();
      clock.now = () => Math.floor(from + ${aheadS} * 1000 + (real() - from) * ${rate} + (clock === Date ? steppedMs : 0));
    }`)}`;
