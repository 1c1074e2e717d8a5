import { expect, it } from 'vitest';

import { utf8 } from '../../../../src/kernel/bytes.ts';
import type { UncountedEnd } from '../../../../src/gateway/completions/answer-pieces.ts';
import { CompletionStream } from '../../../../src/gateway/completions/completion-stream.ts';
import type { Surface } from '../../../../src/upstreams/protocol/surfaces.ts';
import { Exchanges } from '../../../../src/upstreams/protocol/exchange.ts';
import type { TransportFault } from '../../../../src/upstreams/transport.ts';
import { targetOf } from '../../../support/upstreams/target.ts';

type Step = string | TransportFault | undefined;

const chunk = (content: string, finish: string | null = null): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: finish }] })}\n\n`;
const DONE = 'data: [DONE]\n\n';
const USAGE = `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 4, completion_tokens: 2 } })}\n\n`;

/** A stream whose upstream sends these pieces, and what became of it. */
function streamOf(steps: readonly Step[], surface: Surface = 'chat') {
  const left = [...steps];
  const seen = { ends: [] as unknown[], cancelled: 0 };
  const came: UncountedEnd[] = [];
  const target = targetOf();
  const body = {
    read: () => {
      const step = left.shift();
      return Promise.resolve(typeof step === 'string' ? utf8(step) : step);
    },
    cancel: () => {
      seen.cancelled += 1;
    },
  };
  const opened = { kind: 'opened' as const, status: 200, contentType: '', body };
  const dispatched = { target, opened, attempts: [], finish: (end: unknown) => void seen.ends.push(end) };
  const said = surface === 'responses' ? { input: 'a' } : { messages: [], max_tokens: 9 };
  const asked = { surface, body: { stream: true, ...said }, headers: {}, nowMs: 0 };
  const answer = new Exchanges(asked).with(target, 9).stream();
  const stream = new CompletionStream({ dispatched, answer, requestId: 'req_1', onEnd: (end) => void came.push(end) });
  return { stream, seen, came };
}

async function textOf(stream: CompletionStream): Promise<string> {
  let text = '';
  for (let piece = await stream.next(); piece !== undefined; piece = await stream.next()) text += new TextDecoder().decode(piece);
  return text;
}

it('[U42] ends once, when the answer is whole, with the usage that came', async () => {
  const { stream, seen, came } = streamOf([chunk('ab'), chunk('', 'stop') + USAGE, DONE, undefined]);
  expect(await textOf(stream)).toBe(chunk('ab') + chunk('', 'stop') + DONE);
  stream.cancel();
  expect(came).toMatchObject([{ end: 'whole', usage: { inputTokens: 4, outputTokens: 2 }, uncounted: undefined }]);
  expect(seen).toEqual({ ends: ['whole'], cancelled: 0 });
});

it('[U42] closes the connection to an upstream that says more after its end', async () => {
  const { stream, seen } = streamOf([chunk('a', 'stop') + DONE, 'more']);
  expect(await textOf(stream)).toBe(chunk('a', 'stop') + DONE);
  expect(seen).toEqual({ ends: ['whole'], cancelled: 1 });
});

it('[U42] ends when the caller goes away, with what was answered until then', async () => {
  const { stream, seen, came } = streamOf([chunk('abc'), chunk('d')]);
  await stream.next();
  stream.cancel();
  stream.cancel();
  expect(await stream.next()).toBeUndefined();
  expect(came).toMatchObject([{ end: 'cancelled', usage: undefined, uncounted: { chars: 3 } }]);
  expect(seen).toEqual({ ends: ['cancelled'], cancelled: 1 });
});

const FAULTS: readonly [string, readonly Step[], string][] = [
  ['breaks', [{ kind: 'fault', fault: 'broken' }], 'the upstream lab broke off its answer: broken'],
  ['rests for too long', [{ kind: 'fault', fault: 'idle_timeout' }], 'the upstream lab broke off its answer: idle_timeout'],
  ['ends too early', [undefined], 'the upstream lab broke off its answer: broken'],
  ['reports an error', ['data: {"error":{"message":"overloaded"}}\n\n'], 'overloaded'],
  ['sends garbage', ['data: nonsense\n\n'], 'the upstream lab sent what is no event of its protocol'],
];

it.each(FAULTS)('[U36] a stream whose upstream %s ends with an error event', async (_, steps, message) => {
  const { stream, seen, came } = streamOf([chunk('a'), ...steps]);
  const text = await textOf(stream);
  expect(text.startsWith(chunk('a'))).toBe(true);
  const error = JSON.parse(text.slice(chunk('a').length).replace('data: ', '')) as object;
  expect(error).toMatchObject({ error: { code: 'upstream_failed', message }, request_id: 'req_1' });
  expect(seen.ends).toEqual([{ kind: 'fault', fault: expect.any(String) as unknown }]);
  expect(came).toMatchObject([{ uncounted: { chars: 1 } }]);
});

it('[U36] says so in the shape of each API', async () => {
  const messages = await textOf(streamOf([chunk('a'), undefined], 'messages').stream);
  expect(messages).toContain('event: error\ndata: {"type":"error","error":{"type":"api_error",');
  const responses = await textOf(streamOf([chunk('a'), undefined], 'responses').stream);
  expect(responses).toContain('event: error\ndata: {"type":"error","code":"upstream_failed",');
});

it('[U36] holds no event that is larger than its limit', async () => {
  const { stream } = streamOf([`data: ${'x'.repeat(4 * 1024 * 1024)}`]);
  expect(await textOf(stream)).toContain('garbage');
});
