import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { dataEvent } from './answer.ts';

/** What the calls of `startTurnsUpstream` are made with. */
export const CALLED_IN_TURN = [
  { name: 'weather', input: { city: 'Delft', days: 2 } },
  { name: 'weather', input: { city: 'Gouda}', days: 3 } },
];

const chunk = (delta: object, finish: string | null = null) =>
  dataEvent({
    id: 'c1',
    object: 'chat.completion.chunk',
    created: 0,
    model: 'turning',
    choices: [{ index: 0, delta, finish_reason: finish }],
  });

/** A text, and two calls of a tool whose pieces come in turn, with a text between them. */
function events(): string {
  const pieces = CALLED_IN_TURN.map(({ input }) => JSON.stringify(input).match(/.{1,4}/g) ?? []);
  const begins = CALLED_IN_TURN.map(({ name }, index) =>
    chunk({ tool_calls: [{ index, id: `call_${index}`, type: 'function', function: { name, arguments: '' } }] }),
  );
  const turns = Array.from({ length: Math.max(...pieces.map(({ length }) => length)) }, (_, at) =>
    pieces.map((of, index) => (of[at] === undefined ? '' : chunk({ tool_calls: [{ index, function: { arguments: of[at] } }] }))).join(''),
  );
  const usage = { prompt_tokens: 3, completion_tokens: 9, total_tokens: 12 };
  return [
    chunk({ role: 'assistant', content: 'I look.' }),
    ...begins,
    turns[0],
    chunk({ content: ' Twice.' }),
    ...turns.slice(1),
    chunk({}, 'tool_calls'),
    dataEvent({ id: 'c1', object: 'chat.completion.chunk', created: 0, model: 'turning', choices: [], usage }),
    'data: [DONE]\n\n',
  ].join('');
}

/** A server of chats that answers every stream so. */
export async function startTurnsUpstream(): Promise<{ readonly port: number; stop(): void }> {
  const server = createServer((_, response) => void response.writeHead(200, { 'content-type': 'text/event-stream' }).end(events()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, stop: () => void server.close() };
}
