import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

import type { Script, Truth } from './script.ts';

/** A scripted server of models in a process of its own: OpenAI's API and Anthropic's messages, both below `/v1`. */
export interface MockUpstream {
  readonly port: number;
  /** `http://127.0.0.1:<port>/v1`, the base URL of an upstream. */
  readonly baseUrl: string;
  /** What it does with all requests that have no script in their prompt (`scripted`); `next` are for the first of those, one each. */
  script(always: Script, next?: readonly Script[]): Promise<void>;
  /** Lets all go on that wait at the gate, now and later. */
  open(gate: string): Promise<void>;
  truth(): Promise<Truth>;
  /** Forgets scripts, gates and what it did. */
  reset(): Promise<void>;
  /** Kills it without warning: connections break. */
  kill(): Promise<void>;
}

/** Starts one; on a `port` it had before, after `kill`. One that `isStrict` refuses what OpenAI's and Anthropic's own servers refuse. */
export async function startMockUpstream(port = 0, { isStrict = false } = {}): Promise<MockUpstream> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'upstream-process.ts')], {
    env: {
      PATH: process.env['PATH'],
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      PORT: String(port),
      STRICT: isStrict ? '1' : '0',
    },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [message] = (await once(child, 'message')) as [{ readonly port: number }];
  const url = `http://127.0.0.1:${message.port}`;
  const control = async (path: string, body: object = {}): Promise<Truth> => {
    const answer = await fetch(`${url}/mock/${path}`, { method: 'POST', body: JSON.stringify(body) });
    return (await answer.json()) as Truth;
  };
  return {
    port: message.port,
    baseUrl: `${url}/v1`,
    script: async (always, next = []) => void (await control('script', { always, next })),
    open: async (gate) => void (await control('open', { gate })),
    truth: () => control('truth'),
    reset: async () => void (await control('reset')),
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
