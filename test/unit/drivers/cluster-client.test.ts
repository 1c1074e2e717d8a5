import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { ClusterAway, ClusterClient, SecretFile } from '../../../workers/drivers/cluster-client.ts';

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
  expect(await clientOf().call('GET', '/x')).toEqual({ status: 502, body: undefined, text: '<html>' });
});
