import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Miniflare } from 'miniflare';

import { loadSecrets } from './secrets.ts';
import type { Secrets } from './secrets.ts';
import { topology } from './topology.ts';

export interface Server {
  /** One URL for each gateway isolate. */
  readonly urls: readonly string[];
  readonly secrets: Secrets;
  /** Changes when workerd is restarted; undefined while there is none, or where /proc does not tell. */
  workerdPid(): number | undefined;
  readonly miniflare: Miniflare;
  stop(): Promise<void>;
}

export interface ServeOptions {
  readonly ports: readonly number[];
  readonly stateDir: string;
  readonly variables?: Readonly<Record<string, string>>;
}

/** Starts the whole deployment from the built bundles in one workerd, and waits until it is ready. */
export async function serve({ ports, stateDir, variables = {} }: ServeOptions): Promise<Server> {
  const storeDir = join(stateDir, 'storage');
  await mkdir(storeDir, { recursive: true });
  await stopLeftover(stateDir);
  const secrets = await loadSecrets(stateDir);
  const miniflare = new Miniflare(topology({ gatewayPorts: ports, stateDir: storeDir, secrets: { ...variables, ...secrets } }));
  await miniflare.ready;
  // Miniflare's own listeners exit at once, which would cut off an orderly stop.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(signal);
  await writeFile(pidFile(stateDir), String(workerdPid() ?? ''));
  return {
    urls: ports.map((port) => `http://127.0.0.1:${port}`),
    secrets,
    workerdPid,
    miniflare,
    stop: async () => {
      await miniflare.dispose();
      await rm(pidFile(stateDir), { force: true });
    },
  };
}

const workerdPid = (): number | undefined => childNamed('workerd');

const pidFile = (stateDir: string): string => join(stateDir, 'workerd.pid');

/** A workerd whose parent was killed hard would keep the state folder open: only one may write it. */
async function stopLeftover(stateDir: string): Promise<void> {
  const pid = Number(await readFile(pidFile(stateDir), 'utf8').catch(() => '0'));
  if (pid > 0 && commandOf(pid).includes('workerd')) process.kill(pid, 'SIGKILL');
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

/** The pid of our child process of that name, as far as /proc tells. */
function childNamed(name: string): number | undefined {
  try {
    const threads = readdirSync('/proc/self/task');
    const children = threads.flatMap((thread) => readFileSync(`/proc/self/task/${thread}/children`, 'utf8').trim().split(' '));
    return children.map(Number).find((pid) => pid > 0 && commandOf(pid).includes(name));
  } catch {
    return undefined;
  }
}
