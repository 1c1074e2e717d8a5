import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AdminClient } from '../../workers/local/admin-client.ts';
import { ROOT } from '../../workers/local/paths.ts';
import { loadSecrets } from '../../workers/local/secrets.ts';
import { serve } from '../../workers/local/serve.ts';
import { SetupError } from '../../workers/local/setup-error.ts';
import { freePort } from '../support/deployment/free-port.ts';

let stateDir: string;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'sluice-leftover-'));
});

afterEach(() => rm(stateDir, { recursive: true, force: true }));

/** A killed process that was not waited for yet is a zombie: it has only a pid. */
const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

it('a workerd whose parent was killed exits before another one opens the same state', async () => {
  const port = await freePort();
  const script = `const { serve } = await import(${JSON.stringify(join(ROOT, 'workers/local/serve.ts'))});
    const server = await serve({ ports: [${port}], stateDir: ${JSON.stringify(stateDir)} }); console.log(server.workerdPid());`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const leftover = Number(await new Promise<Buffer>((resolve) => parent.stdout.once('data', resolve)));
  const { SLUICE_ADMIN_KEY: adminKey } = await loadSecrets(stateDir);
  const create = (url: string) =>
    new AdminClient(url, adminKey).create<{ id: string }>('/v1/organisations', { name: 'a', owner: 'a' }, 'same');
  const { id } = await create(`http://127.0.0.1:${port}`);

  await expect(serve({ ports: [await freePort()], stateDir })).rejects.toThrow('Another Sluice');
  const exited = new Promise((resolve) => parent.once('exit', resolve));
  parent.kill('SIGKILL');
  await exited;
  expect(isAlive(leftover), 'a leftover to end').toBe(true);

  const server = await serve({ ports: [await freePort()], stateDir });
  expect(isAlive(leftover)).toBe(false);
  expect((await create(server.urls[0] ?? '')).id).toBe(id);
  await server.stop();
});

it('a start on a port in use names the port and releases the state folder', async () => {
  const port = await freePort();
  const listener = createServer().listen(port, '127.0.0.1');
  await new Promise((resolve) => listener.once('listening', resolve));
  const refused = await serve({ ports: [port], stateDir }).catch((error: unknown) => error);
  await new Promise((resolve) => listener.close(resolve));
  expect(refused).toBeInstanceOf(SetupError);
  expect((refused as SetupError).message).toContain(`Port ${port}`);
  await (await serve({ ports: [port], stateDir })).stop();
});
