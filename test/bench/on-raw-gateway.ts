import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootstrap } from '../../workers/local/bootstrap.ts';
import { bundle, bundleEntry } from '../../workers/local/bundle.ts';
import { ROOT } from '../../workers/local/paths.ts';
import { loadSecrets } from '../../workers/local/secrets.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { freePort } from '../support/deployment/free-port.ts';
import { serveRaw } from './raw-workerd.ts';
import type { RawWorkerd, RawWorkerdOptions } from './raw-workerd.ts';

/** Serves the same deployment again after its workerd was killed. */
type Restart = () => Promise<RawWorkerd>;

/** Runs `work` on a deployment of the built bundles in one workerd, on a RAM disk if there is one, and removes it afterwards. */
export async function onRawGateway(
  work: (workerd: RawWorkerd, client: ApiClient, restart: Restart, adminKey: string) => Promise<void>,
  settings: Pick<RawWorkerdOptions, 'variants' | 'v8Flags' | 'variables' | 'beside'> = {},
): Promise<void> {
  await bundle();
  await bundleEntry('bare-hono', join(ROOT, 'test/bench/bare-hono.ts'));
  const stateDir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-bench-'));
  const [gatewayPort, barePort] = [await freePort(), await freePort()];
  const secrets = await loadSecrets(stateDir);
  const serve = () => serveRaw({ stateDir, gatewayPort, barePort, secrets: { ...secrets }, ...settings });
  let workerd = await serve();
  try {
    const url = `http://127.0.0.1:${gatewayPort}`;
    const { apiKey } = await bootstrap(url, secrets.SLUICE_ADMIN_KEY);
    await work(workerd, new ApiClient(url, apiKey), async () => (workerd = await serve()), secrets.SLUICE_ADMIN_KEY);
  } finally {
    await workerd.stop();
    await rm(stateDir, { recursive: true, force: true });
  }
}
