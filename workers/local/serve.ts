import { readdirSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { claimState } from './claim-state.ts';
import { keepFromOthers } from './owner-only.ts';
import { RunningSweep } from './running-sweep.ts';
import type { Secrets } from './secrets.ts';
import { loadSecrets } from './secrets.ts';
import { SetupError } from './setup-error.ts';
import { sweepFiles } from './sweep-files.ts';
import type { Guest, WorkerdOptions } from './workerd-config.ts';
import { HOST, makeStores, workerdConfig } from './workerd-config.ts';
import { Workerd } from './workerd.ts';

export interface Server {
  /** One URL for each gateway isolate. */
  readonly urls: readonly string[];
  readonly secrets: Secrets;
  /** Where its objects and buckets keep their data. */
  readonly storeDir: string;
  /** Changes when workerd is restarted. */
  workerdPid(): number | undefined;
  stop(): Promise<void>;
}

interface ServeOptions {
  readonly ports: readonly number[];
  readonly stateDir: string;
  readonly variables?: Readonly<Record<string, string>>;
  /** How often files of deleted objects are looked for, and how old they are at least. */
  readonly sweepEveryMs?: number;
  readonly guests?: readonly Guest[];
  /** Bundles to run in place of the Workers' own. */
  readonly variants?: WorkerdOptions['variants'];
  readonly flags?: WorkerdOptions['flags'];
  /** Options of workerd's command line besides those that every deployment has. */
  readonly more?: readonly string[];
}

/** A deleted index leaves 8 KB: a minute of them is little, and a pass over thousands of files takes milliseconds. */
const SWEEP_EVERY_MS = 60_000;

/** Starts the whole deployment from the built bundles in one workerd, and waits until it is ready. */
export async function serve({
  ports,
  stateDir,
  variables = {},
  sweepEveryMs = SWEEP_EVERY_MS,
  guests,
  variants,
  flags,
  more,
}: ServeOptions): Promise<Server> {
  keepFromOthers();
  const storeDir = join(stateDir, 'storage');
  const release = await claimState(storeDir);
  sweepFiles(storeDir);
  const secrets = await loadSecrets(stateDir);
  const options = { gatewayPorts: ports, storeDir, secrets: { ...secrets }, variables, guests, variants, flags };
  const workerd = await start(options, more).catch((error: unknown) => {
    release();
    throw error;
  });
  const openFiles = (): ReadonlySet<string> | undefined => (workerd.pid === undefined ? undefined : openFilesOf(workerd.pid));
  const sweep = new RunningSweep({ storeDir, openFiles, sleep, nowMs: () => Date.now(), ageMinMs: sweepEveryMs });
  const sweeping = repeat(sweepEveryMs, () => sweep.pass());
  return {
    urls: ports.map((port) => `http://${HOST}:${port}`),
    secrets,
    storeDir,
    workerdPid: () => workerd.pid,
    stop: async () => {
      await sweeping.stop();
      await workerd.stop();
      sweepFiles(storeDir);
      release();
    },
  };
}

async function start(options: WorkerdOptions, more?: readonly string[]): Promise<Workerd> {
  for (const port of options.gatewayPorts) await requireFree(port);
  await makeStores(options.storeDir);
  return Workerd.startLasting((folder) => workerdConfig(options, folder), more);
}

/** workerd says that a port is in use only in words. */
async function requireFree(port: number): Promise<void> {
  const listener = createServer();
  await new Promise<void>((resolve, reject) => {
    listener.once('error', (error: NodeJS.ErrnoException) => {
      const inUse = `Port ${port} of ${HOST} is in use. Stop the process that listens there, or choose another with PORT.`;
      reject(error.code === 'EADDRINUSE' ? new SetupError(inUse) : error);
    });
    listener.listen(port, HOST, resolve);
  });
  await new Promise((resolve) => listener.close(resolve));
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
