import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleEntry } from '../../../workers/local/bundle.ts';
import { ROOT } from '../../../workers/local/paths.ts';
import { freePort } from '../../support/deployment/free-port.ts';
import { HTTP, rawRequest } from '../load.ts';
import { serveObjects } from '../raw-workerd.ts';
import type { Contender } from './contender.ts';
import { TOP_K } from './contender.ts';

/** `test/workerd/floor` on the same workerd as the gateway. */
export async function floor(): Promise<Contender & { readonly pid: number }> {
  await bundleEntry('floor', join(ROOT, 'test/workerd/floor/worker.ts'));
  const stateDir = await mkdtemp(join(tmpdir(), 'sluice-floor-'));
  const port = await freePort();
  const workerd = await serveObjects('floor', { FLOOR: 'FloorObject' }, stateDir, port);
  const request = (query: Float32Array): Buffer =>
    Buffer.from(rawRequest({ method: 'POST', path: '/', body: { vector: Array.from(query), top_k: TOP_K } }));
  return {
    name: 'floor',
    searches: [{ ...HTTP, port, setting: '', request }],
    cpuS: workerd.cpuS,
    pid: workerd.pid,
    stop: async () => {
      await workerd.stop();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}
