import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/**
 * Below the ports that a system assigns to outgoing connections (from 32,768 on Linux): one of those could take a port after we found it
 * free and before we listen on it.
 */
const FIRST = 20_000;
/** Each of the test workers that run at the same time has its own range of ports. */
const PART_COUNT = 500;
const first = FIRST + (Number(process.env['VITEST_POOL_ID'] ?? 0) % 24) * PART_COUNT;

/** Starts at a port that depends on the process id, so that processes outside vitest rarely collide; cycles through the whole range. */
let next = process.pid % PART_COUNT;

/** A port of the loopback interface on which nothing listens, and which no other process gets from here while this one lives. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < PART_COUNT; tried += 1) {
    const port = first + (next++ % PART_COUNT);
    if ((await isClaimed(port)) && (await isFree(port))) return port;
  }
  throw new Error(`every port from ${first} to ${first + PART_COUNT - 1} is in use`);
}

const claimed = new Set<number>();

/**
 * Claims the port by taking the UDP port of the same number, which nothing here uses: what is to listen on the port starts later, and another
 * run of the tests would find it free until then.
 */
async function isClaimed(port: number): Promise<boolean> {
  if (claimed.has(port)) return true;
  const socket = createSocket({ type: 'udp4', reuseAddr: false });
  const isOurs = await new Promise<boolean>((resolve) => {
    socket.once('error', () => resolve(false));
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => resolve(true));
  });
  if (isOurs) {
    claimed.add(port);
    socket.unref();
  } else socket.close();
  return isOurs;
}

async function isFree(port: number): Promise<boolean> {
  const listener = createServer();
  const listening = await new Promise<boolean>((resolve) => {
    listener.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
  });
  if (listening) await new Promise((resolve) => listener.close(resolve));
  return listening;
}
