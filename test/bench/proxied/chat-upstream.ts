import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as waited } from 'node:timers/promises';

const WORDS = 20;
const USAGE = { prompt_tokens: 12, completion_tokens: WORDS, total_tokens: 12 + WORDS };
const COMMON = { id: 'chatcmpl-1', created: 1, model: 'mock' };
const TEXT = Array.from({ length: WORDS }, (_, at) => `word${at} `);
const WHOLE = JSON.stringify({
  ...COMMON,
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: TEXT.join('') }, finish_reason: 'stop' }],
  usage: USAGE,
});
const CHUNKS = TEXT.map((content) => eventOf({ choices: [{ index: 0, delta: { content }, finish_reason: null }] }));
const ENDS = [
  eventOf({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }),
  eventOf({ choices: [], usage: USAGE }),
  'data: [DONE]\n\n',
];

/** A server of one chat model: it answers at once, a stream in one event a word, with `pauseMs` between two. */
export async function serveChat(pauseMs = 0): Promise<{ readonly port: number; stop(): void }> {
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => void answer(Buffer.concat(pieces).includes('"stream":true'), pauseMs, response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, stop: () => server.closeAllConnections() };
}

async function answer(streams: boolean, pauseMs: number, response: ServerResponse): Promise<void> {
  if (!streams) {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(WHOLE) });
    response.end(WHOLE);
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const chunk of CHUNKS) {
    response.write(chunk);
    if (pauseMs > 0) await waited(pauseMs);
  }
  response.end(ENDS.join(''));
}

function eventOf(more: object): string {
  return `data: ${JSON.stringify({ ...COMMON, object: 'chat.completion.chunk', ...more })}\n\n`;
}
