import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { SharedTier, SharedVectors } from '../../../src/cache/shared/shared-vectors.ts';
import { must } from '../../../src/kernel/assert.ts';
import { serveCache } from '../../../workers/agent/cache-server.ts';
import { SocketTier } from '../../../workers/agent/socket-tier.ts';

let folder: string;
let path: string;
let nowMs = 0;
const open: (() => void)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-socket-'));
  path = join(folder, 'cache');
});
afterEach(async () => {
  for (const close of open.splice(0)) close();
  await rm(folder, { recursive: true });
});

const opened = <T extends { close(): void }>(one: T): T => {
  open.push(() => one.close());
  return one;
};
const serve = () => {
  const vectors = SharedVectors.create({ entriesMax: 100, dimensionsMax: 4, keyCharsMax: 8, stripes: 1 });
  return serveCache(path, new SharedTier(vectors, { nowMs: () => nowMs }));
};
const client = () => opened(new SocketTier(path));
const fenceOf = async (tier: SocketTier, key: string): Promise<number> => must((await tier.get([key]))[0]!.fence, 'the server answers');

describe('a cache served through a socket', () => {
  it('[C52] answers each client what any of them stored, calls under way at once included', async () => {
    opened(must(await serve(), 'nobody else serves'));
    const [one, other] = [client(), client()];
    const entries = Array.from({ length: 20 }, (_, i) => ({ key: `k${i}`, vector: Float32Array.of(i, i, i).subarray(0, i % 4) }));
    const fence = await fenceOf(one, 'k0');
    await Promise.all(entries.map((entry) => one.set([{ ...entry, vector: entry.vector.slice(), ttlMs: undefined, fence }])));
    const answers = await Promise.all(entries.map(({ key }) => other.get([key, 'none', key])));
    expect(answers.map((all) => all.map(({ vector }) => vector))).toEqual(entries.map(({ vector }) => [vector, undefined, vector]));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('[C52] ends entries by the server’s clock and forgets for every client, fills under way included', async () => {
    opened(must(await serve(), 'nobody else serves'));
    const [one, other] = [client(), client()];
    const fence = await fenceOf(one, 'a');
    const entry = { key: 'a', vector: Float32Array.of(1), ttlMs: 100, fence };
    await one.set([entry]);
    nowMs += 99;
    expect((await other.get(['a']))[0]!.vector).toEqual(Float32Array.of(1));
    nowMs += 1;
    expect((await other.get(['a']))[0]!.vector).toBeUndefined();
    expect(await other.forget(['a'])).toBe(true);
    await one.set([entry]);
    expect((await one.get(['a']))[0]!.vector).toBeUndefined();
    await one.set([{ ...entry, fence: await fenceOf(one, 'a') }]);
    expect(await other.forgetAll()).toBe(true);
    expect((await one.get(['a']))[0]!.vector).toBeUndefined();
  });

  it('[C52] misses without a server, does not claim to have forgotten, and comes back with it', async () => {
    const tier = client();
    expect(await tier.get(['a', 'b'])).toEqual([
      { vector: undefined, fence: undefined },
      { vector: undefined, fence: undefined },
    ]);
    await tier.set([{ key: 'a', vector: Float32Array.of(1), ttlMs: undefined, fence: 0 }]);
    expect([await tier.forget(['a']), await tier.forgetAll()]).toEqual([false, false]);
    opened(must(await serve(), 'nobody else serves'));
    await expect.poll(() => tier.forget(['a'])).toBe(true);
  });

  it('[C52] lets one serve at a time, and the next after it', async () => {
    const server = must(await serve(), 'nobody else serves');
    expect(await serve()).toBeUndefined();
    server.close();
    opened(must(await serve(), 'the place is free again'));
  });

  it.each<[string, (socket: Socket) => void]>([
    ['nothing', () => {}],
    ['what is no frame', (socket) => socket.write(Buffer.alloc(64, 255))],
    ['half a frame, and goes', (socket) => socket.end(Buffer.from([200, 0, 0, 0, 0, 0, 0, 0, 123]))],
    ['fewer numbers than it says', (socket) => socket.write(frameOf('{"done":true,"answers":[{"fence":1,"dimensions":3}]}'))],
  ])('[C52] misses when the other side answers %s', async (_, misbehave) => {
    const server: Server = opened(createServer((socket) => socket.on('error', () => {}).once('data', () => misbehave(socket))));
    server.listen(path);
    await once(server, 'listening');
    // It does not wait for ever: the test would.
    expect(await client().get(['a'])).toEqual([{ vector: undefined, fence: undefined }]);
  });
});

function frameOf(json: string): Buffer {
  const prefix = Buffer.alloc(8);
  prefix.writeUInt32LE(json.length, 0);
  return Buffer.concat([prefix, Buffer.from(json)]);
}
