import { once } from 'node:events';
import { chmod, rm } from 'node:fs/promises';
import type { Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';

import type { VectorTier } from '../../src/cache/vector-tier.ts';
import type { Frame, CacheReply } from './cache-protocol.ts';
import { encodeFrame, FrameReader, cacheCall, joinVectors, vectorCutter } from './cache-protocol.ts';

/**
 * Lets other processes of this user on this machine use `tier`, through the socket at `path`. Undefined when another process does that
 * there already.
 */
export async function serveCache(path: string, tier: VectorTier): Promise<Server | undefined> {
  if (await answers(path)) return undefined;
  // Of a server that was killed.
  await rm(path, { force: true });
  const server = createServer((socket) => serve(socket, tier));
  server.listen(path);
  try {
    await once(server, 'listening');
  } catch {
    return undefined;
  }
  await chmod(path, 0o600);
  server.unref();
  return server;
}

async function answers(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Calls are answered one after the other: only the order identifies the answers. */
function serve(socket: Socket, tier: VectorTier): void {
  const reader = new FrameReader();
  let last = Promise.resolve();
  socket.unref();
  // The other side may go at any time.
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    try {
      for (const frame of reader.push(chunk)) {
        last = last.then(async () => void socket.write(encodeFrame(await answer(frame, tier)))).catch(() => void socket.destroy());
      }
    } catch {
      socket.destroy();
    }
  });
}

async function answer({ header, numbers }: Frame, tier: VectorTier): Promise<Frame> {
  const call = cacheCall.parse(header);
  if (call.kind === 'forget') return reply({ done: await tier.forget(call.keys), answers: [] });
  if (call.kind === 'forgetAll') return reply({ done: await tier.forgetAll(), answers: [] });
  if (call.kind === 'set') {
    const cut = vectorCutter(numbers);
    await tier.set(
      call.entries.map(({ dimensions, ttlMs, ...entry }) => ({ ...entry, ttlMs: ttlMs ?? undefined, vector: cut(dimensions) })),
    );
    return reply({ done: true, answers: [] });
  }
  const found = await tier.get(call.keys);
  const described = found.map(({ fence, vector }) => ({ fence: fence ?? null, dimensions: vector?.length ?? null }));
  return reply(
    { done: true, answers: described },
    found.flatMap(({ vector }) => vector ?? []),
  );
}

const reply = (header: CacheReply, vectors: readonly Float32Array[] = []): Frame => ({ header, numbers: joinVectors(vectors) });
