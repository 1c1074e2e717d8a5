import { readFileSync } from 'node:fs';
import { copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { build } from 'esbuild';

import type { WorkerName } from '../../../workers/local/paths.ts';
import { DIST, ROOT, WORKER_NAMES } from '../../../workers/local/paths.ts';
import type { Server } from '../../../workers/local/serve.ts';
import { serve } from '../../../workers/local/serve.ts';
import { readWorkerConfig } from '../../../workers/local/worker-config.ts';
import type { StoredRow } from './largest-rows.ts';
import { largestRows } from './largest-rows.ts';
import type { NamedUse } from '../../workerd/platform-use/platform-use.ts';
import { USE_PATH } from '../../workerd/platform-use/platform-use.ts';
import { emptyState } from './deployment.ts';
import { freePort } from './free-port.ts';

/** Its Workers count what they use of what the platform limits. */
export interface CountedDeployment extends Omit<Server, 'stop'> {
  /** What all invocations have used since `forget`, by the names of the invocations. */
  uses(): Promise<readonly NamedUse[]>;
  forget(): Promise<void>;
  /** Resolves to the largest row that each class of objects has stored. */
  stop(): Promise<readonly StoredRow[]>;
}

/** The bundles as they are deployed, each behind a module that counts. */
export async function deployCounted(variables: Readonly<Record<string, string>>): Promise<CountedDeployment> {
  const variants = Object.fromEntries(
    await Promise.all(WORKER_NAMES.map(async (worker) => [worker, await countedBundle(worker)] as const)),
  );
  const stateDir = await emptyState();
  const server = await serve({ ports: [await freePort()], stateDir, variables, variants, flags: ['nodejs_als'] });
  const ask = async (method: string): Promise<readonly NamedUse[]> => {
    const answer = await fetch(`${server.urls[0]}${USE_PATH}`, { method });
    if (!answer.ok) throw new Error(`asked for what was used, got ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as NamedUse[];
  };
  return {
    ...server,
    uses: () => ask('GET'),
    forget: async () => void (await ask('DELETE')),
    stop: async () => {
      await server.stop();
      const rows = largestRows(join(server.storeDir, 'do'));
      await rm(stateDir, { recursive: true, force: true });
      return rows;
    },
  };
}

/** Beside the files of the bundle, whose main module gets another name, the counting module and one that leads both together. */
async function countedBundle(worker: WorkerName): Promise<string> {
  const name = `counted-${worker}`;
  const [from, folder] = [join(DIST, worker), join(DIST, name)];
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const file of await readdir(from)) {
    if (file === 'index.js') await copyFile(join(from, file), join(folder, 'product.js'));
    else if (file.endsWith('.wasm')) await copyFile(join(from, file), join(folder, file));
  }
  await build({
    entryPoints: [join(ROOT, 'test/workerd/platform-use/worker.ts')],
    outfile: join(folder, 'counting.js'),
    bundle: true,
    format: 'esm',
    target: 'es2022',
    external: ['node:async_hooks'],
    logLevel: 'error',
  });
  await writeFile(join(folder, 'index.js'), entryOf(worker));
  return name;
}

/** The counting module comes first: what it replaces must be so before the bundle is evaluated. */
function entryOf(worker: WorkerName): string {
  const handler = worker === 'gateway' ? 'countedHandler(product.default)' : 'product.default';
  const classes = exportsOf(worker).map((name) => `export const ${name} = countedClass('${name}', product.${name});\n`);
  return `import { countedClass, countedHandler } from './counting.js';
import * as product from './product.js';
${classes.join('')}export default ${handler};
`;
}

/** The classes of a Worker: its objects, and the entry points that other Workers bind. */
function exportsOf(worker: WorkerName): string[] {
  const { name } = readWorkerConfig(worker);
  const bound = WORKER_NAMES.flatMap((other) => {
    const { durable_objects: objects, services = [] } = readWorkerConfig(other);
    return [
      ...objects.bindings
        .filter(({ script_name: host = readWorkerConfig(other).name }) => host === name)
        .map((object) => object.class_name),
      ...services.filter(({ service }) => service === name).flatMap(({ entrypoint }) => entrypoint ?? []),
    ];
  });
  return [...new Set(bound)];
}

/** Milliseconds of CPU that the one process of all Workers has taken. */
export function cpuMsOf(server: Pick<Server, 'workerdPid'>): number {
  const fields = readFileSync(`/proc/${server.workerdPid()}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  // User and system time, in hundredths of a second.
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
