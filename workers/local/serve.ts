import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Miniflare } from 'miniflare';

import { claimState, commandOf } from './claim-state.ts';
import { keepFromOthers } from './owner-only.ts';
import { RunningSweep } from './running-sweep.ts';
import type { Secrets } from './secrets.ts';
import { loadSecrets } from './secrets.ts';
import { SetupError } from './setup-error.ts';
import { sweepFiles } from './sweep-files.ts';
import { topology } from './topology.ts';

export interface Server {
  /** One URL for each gateway isolate. */
  readonly urls: readonly string[];
  readonly secrets: Secrets;
  /** Where its objects and buckets keep their data. */
  readonly storeDir: string;
  /** Changes when workerd is restarted; undefined while there is none, or where /proc does not list it. */
  workerdPid(): number | undefined;
  readonly miniflare: Miniflare;
  stop(): Promise<void>;
}

interface ServeOptions {
  readonly ports: readonly number[];
  readonly stateDir: string;
  readonly variables?: Readonly<Record<string, string>>;
  /** How often files of deleted objects are looked for, and how old they are at least. */
  readonly sweepEveryMs?: number;
}

/** A deleted index leaves 8 KB: a minute of them is little, and a pass over thousands of files takes milliseconds. */
const SWEEP_EVERY_MS = 60_000;

/** Starts the whole deployment from the built bundles in one workerd, and waits until it is ready. */
export async function serve({ ports, stateDir, variables = {}, sweepEveryMs = SWEEP_EVERY_MS }: ServeOptions): Promise<Server> {
  keepFromOthers();
  const storeDir = join(stateDir, 'storage');
  const release = await claimState(storeDir);
  sweepFiles(storeDir);
  const secrets = await loadSecrets(stateDir);
  const miniflare = new Miniflare(topology({ gatewayPorts: ports, stateDir: storeDir, secrets: { ...secrets }, variables }));
  await ready(miniflare, ports).catch(async (error: unknown) => {
    // Miniflare says again what went wrong.
    await miniflare.dispose().catch(() => undefined);
    release();
    throw error;
  });
  const sweep = new RunningSweep({ storeDir, openFiles: filesOfWorkerd, sleep, nowMs: () => Date.now(), ageMinMs: sweepEveryMs });
  const sweeping = repeat(sweepEveryMs, () => sweep.pass());
  // Miniflare's own listeners exit at once, which would cut off an orderly stop.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(signal);
  return {
    urls: ports.map((port) => `http://127.0.0.1:${port}`),
    secrets,
    storeDir,
    workerdPid,
    miniflare,
    stop: async () => {
      await sweeping.stop();
      await miniflare.dispose();
      sweepFiles(storeDir);
      release();
    },
  };
}

const workerdPid = (): number | undefined => childNamed('workerd');

/** The paths of the files that it has open, according to /proc. */
function filesOfWorkerd(): ReadonlySet<string> | undefined {
  const pid = workerdPid();
  return pid === undefined ? undefined : openFilesOf(pid);
}

/** Does `work` again and again, one at a time, and keeps no process alive. What fails once is tried again. */
function repeat(everyMs: number, work: () => Promise<unknown>): { stop(): Promise<void> } {
  let running: Promise<unknown> = Promise.resolve();
  let isBusy = false;
  const timer = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    running = work()
      .catch((error: unknown) => console.warn('files of deleted objects are not removed:', error))
      .finally(() => (isBusy = false));
  }, everyMs);
  timer.unref();
  return {
    stop: async () => {
      clearInterval(timer);
      await running;
    },
  };
}

async function ready(miniflare: Miniflare, ports: readonly number[]): Promise<void> {
  try {
    await miniflare.ready;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_ADDRESS_IN_USE') throw error;
    throw new SetupError(
      `Port ${ports.join(' or ')} of 127.0.0.1 is in use. Stop the process that listens there, or choose another port with PORT.`,
    );
  }
}

/** The pid of our child process of that name, according to /proc. */
function childNamed(name: string): number | undefined {
  try {
    const threads = readdirSync('/proc/self/task');
    const children = threads.flatMap((thread) => readFileSync(`/proc/self/task/${thread}/children`, 'utf8').trim().split(' '));
    return children.map(Number).find((pid) => pid > 0 && commandOf(pid).includes(name));
  } catch {
    return undefined;
  }
}

/** The paths of the files that a process has open, by their present names; undefined where /proc does not list them. */
export function openFilesOf(pid: number | 'self'): ReadonlySet<string> | undefined {
  const folder = `/proc/${pid}/fd`;
  try {
    return new Set(readdirSync(folder).flatMap((descriptor) => linkOf(`${folder}/${descriptor}`) ?? []));
  } catch {
    return undefined;
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    // Closed meanwhile.
    return undefined;
  }
}
