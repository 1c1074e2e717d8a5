import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as waited } from 'node:timers/promises';

/** A caller says in `user` how many words the answer has. */
export const wordsAsked = (words: number): { readonly user: string } => ({ user: `words ${words}` });
const WORDS = 20;
const DIMENSIONS = 1_536;
const COMMON = { id: 'chatcmpl-1', created: 1, model: 'mock' };

interface Answers {
  readonly whole: string;
  readonly chunks: readonly string[];
  readonly usage: string;
}

const known = new Map<number, Answers>();

function answersOf(words: number): Answers {
  const usage = { prompt_tokens: 12, completion_tokens: words, total_tokens: 12 + words };
  const texts = Array.from({ length: words }, (_, at) => `word${at} `);
  const message = { role: 'assistant', content: texts.join('') };
  const made = known.get(words) ?? {
    whole: JSON.stringify({
      ...COMMON,
      object: 'chat.completion',
      choices: [{ index: 0, message, finish_reason: 'stop' }],
      usage,
    }),
    chunks: texts.map((content) => eventOf({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })),
    usage: eventOf({ choices: [], usage }),
  };
  known.set(words, made);
  return made;
}

const LAST = eventOf({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
const DONE = 'data: [DONE]\n\n';

const EMBEDDING = JSON.stringify({
  object: 'list',
  data: [{ object: 'embedding', index: 0, embedding: Array.from({ length: DIMENSIONS }, (_, at) => Math.sin(at) / 32) }],
  model: 'mock',
  usage: { prompt_tokens: 12, total_tokens: 12 },
});

/** A server of one model of chats and embeddings: it answers at once, a stream in one event a word, with `pauseMs` between two. */
export async function serveChat(pauseMs = 0): Promise<{ readonly port: number; stop(): void }> {
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      if (request.url?.endsWith('/embeddings') === true) whole(EMBEDDING, response);
      else void answer(Buffer.concat(pieces).toString('latin1'), pauseMs, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, stop: () => server.closeAllConnections() };
}

async function answer(request: string, pauseMs: number, response: ServerResponse): Promise<void> {
  const answers = answersOf(Number(/"user":"words (\d+)"/.exec(request)?.[1] ?? WORDS));
  if (!request.includes('"stream":true')) return whole(answers.whole, response);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const chunk of answers.chunks) {
    response.write(chunk);
    if (pauseMs > 0) await waited(pauseMs);
  }
  response.end(LAST + (request.includes('"include_usage":true') ? answers.usage : '') + DONE);
}

function whole(text: string, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function eventOf(more: object): string {
  return `data: ${JSON.stringify({ ...COMMON, object: 'chat.completion.chunk', ...more })}\n\n`;
}
