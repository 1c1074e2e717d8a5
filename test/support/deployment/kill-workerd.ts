import { setTimeout as sleep } from 'node:timers/promises';
import type { Server } from '../../../workers/local/serve.ts';
import type { ApiAnswer, ApiClient } from './api-client.ts';

/** Kills workerd with SIGKILL. Returns whether a process was found. */
export function killWorkerd(server: Server): boolean {
  const pid = server.workerdPid();
  if (pid === undefined) return false;
  process.kill(pid, 'SIGKILL');
  return true;
}

/** Waits until the server answers again. */
export async function revived(client: ApiClient): Promise<void> {
  for (let tries = 0; tries < 5000; tries += 1) {
    const answer = await client.get('/healthz').catch(() => undefined);
    if (answer?.status === 200) return;
    await sleep(20);
  }
  throw new Error('the server has not come back');
}

/** A body that came too slowly, as where the server stood still meanwhile, and too many calls: clients repeat both. */
const LATER = new Set([408, 429]);

/** Repeats a call until it is answered, however often the server dies; the call must be safe to repeat. */
export async function persistently(call: () => Promise<ApiAnswer>): Promise<ApiAnswer> {
  for (let tries = 0; tries < 2000; tries += 1) {
    const answer = await call().catch(() => undefined);
    if (answer !== undefined && answer.status < 500 && !LATER.has(answer.status)) return answer;
    await sleep(50);
  }
  throw new Error('never answered');
}
