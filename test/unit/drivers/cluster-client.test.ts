import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { ClusterAway, ClusterClient, SecretFile } from '../../../workers/drivers/cluster-client.ts';
import { readDriverConfig } from '../../../workers/drivers/driver-config.ts';
import { makeDrive } from '../../../workers/drivers/make-drive.ts';

let folder: string;
let server: Server;
/** The tokens that calls came with. */
let tokens: string[];
let answer: { status: number; body: string; headers?: Record<string, string> };

beforeEach(async () => {
  [folder, tokens, answer] = [await mkdtemp(join(tmpdir(), 'sluice-cluster-')), [], { status: 200, body: '{"a":1}' }];
  server = createServer((request, response) => {
    tokens.push(request.headers.authorization ?? '');
    response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const tokenFile = () => join(folder, 'token');
const clientOf = () =>
  new ClusterClient({ url: url(), token: new SecretFile(tokenFile()), headers: (token) => ({ authorization: token }) });

it('[P69] reads the token of the cluster again once it was refused', async () => {
  await writeFile(tokenFile(), 'first\n');
  const client = clientOf();
  expect(await client.call('GET', '/x')).toEqual({ status: 200, body: { a: 1 } });
  await writeFile(tokenFile(), 'second\n');
  answer.status = 401;
  await expect(client.call('GET', '/x')).rejects.toThrow(ClusterAway);
  answer.status = 200;
  await client.call('GET', '/x');
  expect(tokens).toEqual(['first', 'first', 'second']);
});

it('[P63] knows nothing of a call that was refused for now, redirected or not answered', async () => {
  await writeFile(tokenFile(), 'token');
  const client = clientOf();
  for (const status of [401, 429, 503]) {
    answer.status = status;
    await expect(client.call('POST', '/x', {})).rejects.toThrow(ClusterAway);
  }
  // A token goes to the cluster that the operator named, and to no other.
  answer = { status: 307, body: '', headers: { location: url() } };
  await expect(client.call('GET', '/x')).rejects.toThrow(ClusterAway);
  server.close();
  server.closeAllConnections();
  await expect(client.call('GET', '/x')).rejects.toThrow(ClusterAway);
});

it('hands an answer on that is no JSON as undefined', async () => {
  await writeFile(tokenFile(), 'token');
  answer = { status: 502, body: '<html>' };
  expect(await clientOf().call('GET', '/x')).toEqual({ status: 502, body: undefined });
});

const SLURM = {
  kind: 'slurm',
  pool: 'pool_0123456789',
  gateway: 'http://127.0.0.1:8787/',
  agent_token_file: '/etc/token',
  agent_token_file_on_nodes: '/etc/token',
  slots: 4,
  url: 'http://127.0.0.1:6820',
  token_file: '/etc/slurm-token',
  user: 'sluice',
  slots_per_node: 4,
  time_limit_minutes: 60,
  directory: '/var/tmp',
  runner: ['node', 'run-once.ts'],
};

it('names the field of a configuration that is wrong, and the limit', async () => {
  const path = join(folder, 'cluster.json');
  const read = async (over: object) => {
    await writeFile(path, JSON.stringify({ ...SLURM, ...over }));
    return readDriverConfig(path);
  };
  expect(await read({})).toMatchObject({ gateway: 'http://127.0.0.1:8787', poll_ms: 1_000, name: 'driver', job: {} });
  await expect(read({ slots: 1_001 })).rejects.toThrow(/<=1000[^]*slots/);
  await expect(read({ runner: undefined })).rejects.toThrow('runner');
  await expect(read({ kind: 'ray' })).rejects.toThrow('kind');
  await expect(read({ colour: 'red' })).rejects.toThrow('colour');
});

it('[P76] says when the token of the pool cannot be read', async () => {
  const path = join(folder, 'cluster.json');
  await writeFile(path, JSON.stringify({ ...SLURM, agent_token_file: join(folder, 'absent') }));
  await expect(makeDrive(await readDriverConfig(path), () => undefined)).rejects.toThrow('absent');
});
