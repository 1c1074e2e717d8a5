import { connect } from 'node:net';
import type { Socket } from 'node:net';

import type { Reached } from './shared-deployment.ts';

/** Only a hang exceeds it. */
const WAIT_MS = 60_000;

/** Sends raw bytes and resolves to the refusal, or to what came before the connection was closed. `end`: also closes the sending side. */
export function sendRaw(server: Reached, text: string, { end }: { readonly end: boolean }): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(server.urls[0] ?? '').port), '127.0.0.1');
    let answer = '';
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(done, WAIT_MS);
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString();
      if (answer.includes('"request_id"')) done();
    });
    socket.on('close', done);
    socket.on('error', done);
    socket.write(text);
    if (end) socket.end();
  });
}

/** Opens a connection, sends raw bytes on it, and leaves it open. */
export async function openRaw(server: Reached, text: string): Promise<Socket> {
  const socket = connect(Number(new URL(server.urls[0] ?? '').port), '127.0.0.1');
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => void socket.write(text, () => resolve()));
  return socket;
}
