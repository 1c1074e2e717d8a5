import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';

import { expect, it } from 'vitest';

import { freePort } from '../support/deployment/free-port.ts';

/** Claims a port as another process would. */
const claimed = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => resolve(socket));
  });

it('names no port that another process has claimed, and keeps its own from others', async () => {
  const port = await freePort();
  await expect(claimed(port)).rejects.toThrow('EADDRINUSE');
  // Of the next one in line it does not matter who has it.
  const other = await claimed(port + 1).catch(() => undefined);
  expect(await freePort()).not.toBe(port + 1);
  other?.close();
});
