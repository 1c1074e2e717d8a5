import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

export interface AnsweringUpstream {
  readonly port: number;
  /** What a chat with a model is answered with from now on: a text, or the events of a stream. */
  answers(model: string, answer: string | readonly object[]): void;
  stop(): void;
}

const USAGE = { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 };

/** An upstream of OpenAI's protocol that says what it is told to, however large or odd that is. */
export async function answeringUpstream(): Promise<AnsweringUpstream> {
  const answers = new Map<string, string | readonly object[]>();
  const answerOne = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await json(request);
    const answer = answers.get((body as { model: string }).model) ?? 'fine';
    if (typeof answer === 'string') {
      response.setHeader('content-type', 'application/json');
      const choices = [{ index: 0, message: { role: 'assistant', content: answer }, finish_reason: 'stop' }];
      response.end(JSON.stringify({ id: 'c', object: 'chat.completion', model: 'm', choices, usage: USAGE }));
      return;
    }
    response.setHeader('content-type', 'text/event-stream');
    response.end(`${answer.map((event) => `data: ${JSON.stringify({ id: 'c', ...event })}\n\n`).join('')}data: [DONE]\n\n`);
  };
  const server = createServer((request, response) => void answerOne(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    answers: (model, answer) => void answers.set(model, answer),
    stop: () => void server.close(),
  };
}
