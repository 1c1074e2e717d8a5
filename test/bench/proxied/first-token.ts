import { connect } from 'node:net';

import { HTTP } from '../load.ts';

/** How long requests for streams take to their first event, one after the other over one connection, in milliseconds. */
export function firstTokenMs(port: number, request: string, count: number): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const times: number[] = [];
    const socket = connect(port, '127.0.0.1');
    let text = '';
    let sentAtMs = 0;
    let isSeen = false;
    const send = (): void => {
      [text, isSeen, sentAtMs] = ['', false, performance.now()];
      socket.write(request);
    };
    socket.setNoDelay(true);
    socket.on('connect', send);
    socket.on('error', reject);
    socket.on('data', (piece) => {
      text += piece.toString('latin1');
      if (!isSeen && text.includes('data: ')) {
        isSeen = true;
        times.push(performance.now() - sentAtMs);
      }
      if (HTTP.endOf(Buffer.from(text, 'latin1')) === undefined) return;
      if (times.length < count) return send();
      socket.end();
      resolve(times.sort((a, b) => a - b));
    });
  });
}
