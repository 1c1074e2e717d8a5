import { readFile } from 'node:fs/promises';

import { setTimeout as sleep } from 'node:timers/promises';

import { HTTP, load, statusOf } from '../load.ts';
import type { RawWorkerd } from '../raw-workerd.ts';

/** Callers of one kind. */
export interface Crowd {
  readonly port: number;
  readonly connections: number;
  /** Calls begun in a second; absent: each connection sends its next call as soon as it may. */
  readonly perS?: number;
  /** Whether it comes back when it is asked to, or at once. */
  readonly isPolite: boolean;
  readonly request: (number: number) => string;
}

export interface CrowdResult {
  readonly servedPerS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly refused: number;
  /** Answers by status and code, where they are no success. */
  readonly failures: Readonly<Record<string, number>>;
}

/** Drives a crowd for so long; what is answered later does not count, nor what is within `warmS`. */
export async function driven({ port, connections, perS, isPolite, request }: Crowd, durationS: number, warmS = 0): Promise<CrowdResult> {
  const latenciesMs: number[] = [];
  const failures: Record<string, number> = {};
  const fromMs = performance.now() + warmS * 1_000;
  await load({
    ...HTTP,
    port,
    connections,
    requestsMax: Number.POSITIVE_INFINITY,
    durationS,
    cutOff: sleep(durationS * 1_000),
    request,
    ...(perS === undefined ? {} : { perS }),
    ...(isPolite ? { pauseMs: retryAfterMs } : {}),
    onAnswer: (_, answer, tookMs) => {
      if (performance.now() < fromMs) return;
      if (statusOf(answer) === 200) {
        latenciesMs.push(tookMs);
        return;
      }
      const what = `${statusOf(answer)} ${/"code":"(\w+)"/.exec(answer.toString('latin1'))?.[1] ?? ''}`;
      failures[what] = (failures[what] ?? 0) + 1;
    },
  });
  latenciesMs.sort((a, b) => a - b);
  const quantile = (share: number): number => latenciesMs[Math.floor(share * latenciesMs.length)] ?? Number.NaN;
  const refused = Object.values(failures).reduce((sum, count) => sum + count, 0);
  return { servedPerS: latenciesMs.length / (durationS - warmS), p50Ms: quantile(0.5), p99Ms: quantile(0.99), refused, failures };
}

const retryAfterMs = (answer: Buffer): number => Number(/\r\nretry-after-ms: (\d+)/.exec(answer.toString('latin1'))?.[1] ?? 0);

/** CPU seconds of workerd and of this process, and seconds in which workerd could not run although it had something to do. */
export interface Spent {
  readonly serverS: number;
  readonly waitedS: number;
  readonly clientS: number;
}

export async function spent(workerd: RawWorkerd): Promise<Spent> {
  const { user, system } = process.cpuUsage();
  const [, waitedNs] = (await readFile(`/proc/${workerd.pid}/schedstat`, 'utf8')).split(' ');
  return { serverS: await workerd.cpuS(), waitedS: Number(waitedNs) / 1e9, clientS: (user + system) / 1e6 };
}

export const since = (before: Spent, now: Spent): Spent => ({
  serverS: now.serverS - before.serverS,
  waitedS: now.waitedS - before.waitedS,
  clientS: now.clientS - before.clientS,
});
