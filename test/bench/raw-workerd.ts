import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { WorkerName } from '../../workers/local/paths.ts';
import { aloneConfig, makeStores, workerdConfig } from '../../workers/local/workerd-config.ts';
import type { ConfigText } from '../../workers/local/workerd.ts';
import { Workerd } from '../../workers/local/workerd.ts';

export interface RawWorkerd {
  readonly pid: number;
  /** CPU seconds used so far, user and system. */
  readonly cpuS: () => Promise<number>;
  stop(): Promise<void>;
  /** Ends it as a crash does: nothing is written any more. */
  kill(): Promise<void>;
}

export interface RawWorkerdOptions {
  readonly stateDir: string;
  readonly gatewayPort: number;
  readonly barePort: number;
  readonly secrets: Readonly<Record<string, string>>;
  /** An additional Worker with the gateway's bindings and `BESIDE`, a server on this machine. */
  readonly beside?: { readonly bundle: string; readonly port: number; readonly upstreamPort: number };
  /** Bundles to run in place of the Workers' own. */
  readonly variants?: Readonly<Partial<Record<WorkerName, string>>>;
  /** Settings of the deployment. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Options of V8 besides those of a deployment. */
  readonly v8Flags?: readonly string[];
}

const TICKS_PER_S = 100;

/** Serves the built bundles as `npm start` does, beside a bare Hono, in a workerd that stays dead when it is killed. */
export async function serveRaw(options: RawWorkerdOptions): Promise<RawWorkerd> {
  const { stateDir, gatewayPort, barePort, secrets, beside, variants, variables, v8Flags } = options;
  const storeDir = join(stateDir, 'raw');
  await makeStores(storeDir);
  const guests = [{ bundle: 'bare-hono', port: barePort }, ...(beside === undefined ? [] : [{ ...beside, isBound: true }])];
  const served = {
    gatewayPorts: [gatewayPort],
    storeDir,
    secrets,
    variables: { LOG_LEVEL: 'warn', ...variables },
    variants,
    guests,
    v8Flags,
  };
  return launch((folder) => workerdConfig(served, folder));
}

/** Serves one built Worker without bindings. */
export const serveAlone = (name: string, stateDir: string, port: number): Promise<RawWorkerd> => serveObjects(name, {}, stateDir, port);

/** Serves one built Worker whose only bindings are its own classes, on the storage in `stateDir`. */
export async function serveObjects(
  name: string,
  classes: Readonly<Record<string, string>>,
  stateDir: string,
  port: number,
): Promise<RawWorkerd> {
  const storeDir = join(stateDir, 'objects');
  await mkdir(storeDir, { recursive: true });
  return launch((folder) => aloneConfig({ bundle: name, port, classes, storeDir }, folder));
}

async function launch(config: ConfigText): Promise<RawWorkerd> {
  const workerd = await Workerd.start(config);
  const pid = workerd.pid ?? 0;
  return {
    pid,
    cpuS: () => processCpuS(pid),
    stop: () => workerd.stop(),
    kill: () => workerd.stop(),
  };
}

/** CPU seconds that a process has used so far, user and system. */
export async function processCpuS(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}
