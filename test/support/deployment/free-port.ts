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

/** A port of the loopback interface on which nothing listens. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < PART_COUNT; tried += 1) {
    const port = first + (next++ % PART_COUNT);
    if (await isFree(port)) return port;
  }
  throw new Error(`every port from ${first} to ${first + PART_COUNT - 1} is in use`);
}

async function isFree(port: number): Promise<boolean> {
  const listener = createServer();
  const listening = await new Promise<boolean>((resolve) => {
    listener.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
  });
  if (listening) await new Promise((resolve) => listener.close(resolve));
  return listening;
}
