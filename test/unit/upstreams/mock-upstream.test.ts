import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { freePort } from '../../support/deployment/free-port.ts';
import type { MockUpstream } from '../../support/upstreams/mock-upstream.ts';
import { startMockUpstream } from '../../support/upstreams/mock-upstream.ts';
import type { Script } from '../../support/upstreams/script.ts';
import { scripted } from '../../support/upstreams/script.ts';

let upstream: MockUpstream;

beforeAll(async () => {
  upstream = await startMockUpstream();
});
beforeEach(() => upstream.reset());
afterAll(() => upstream.kill());

const call = (path: string, body: object, signal?: AbortSignal): Promise<Response> =>
  fetch(`${upstream.baseUrl}${path}`, { method: 'POST', body: JSON.stringify({ model: 'm', ...body }), ...(signal && { signal }) });

const chat = (script: Script, more: object = {}, signal?: AbortSignal): Promise<Response> =>
  call('/chat/completions', { messages: [{ role: 'user', content: scripted(script) }], ...more }, signal);

describe('the mock upstream', () => {
  it('answers chats, whole and as a stream, and counts them', async () => {
    const whole = (await (await chat({ tokens: 2 })).json()) as { choices: { message: { content: string } }[]; usage: object };
    expect(whole.choices[0]?.message.content).toBe('t0 t1');
    expect(whole.usage).toMatchObject({ completion_tokens: 2 });
    const stream = await (await chat({ tokens: 3, pieceBytes: 7 }, { stream: true, stream_options: { include_usage: true } })).text();
    expect(stream).toContain('"content":" t2"');
    expect(stream).toContain('"completion_tokens":3');
    expect(stream.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(await upstream.truth()).toMatchObject({ requests: 2, whole: 2, outputTokens: 5 });
  });

  it('keeps to the output limit of a request', async () => {
    const cut = (await (await chat({ tokens: 9 }, { max_tokens: 4 })).json()) as { choices: { finish_reason: string }[]; usage: object };
    expect(cut).toMatchObject({ choices: [{ finish_reason: 'length' }], usage: { completion_tokens: 4 } });
  });

  it('answers the other calls of both protocols', async () => {
    const answers = await Promise.all([
      call('/completions', { prompt: 'a' }),
      call('/responses', { input: 'a' }),
      call('/embeddings', { input: ['a', 'b'] }),
      call('/moderations', { input: 'violence' }),
      call('/rerank', { query: 'a', documents: ['b', 'a'] }),
      call('/messages', { messages: [{ role: 'user', content: 'a' }], max_tokens: 9 }),
    ]);
    const bodies = (await Promise.all(answers.map((answer) => answer.json()))) as object[];
    expect(bodies).toMatchObject([
      { object: 'text_completion' },
      { object: 'response', output: [{ type: 'message' }] },
      { data: [{ index: 0 }, { index: 1 }] },
      { results: [{ flagged: true }] },
      { results: [{ index: 1 }, { index: 0 }] },
      { type: 'message', stop_reason: 'end_turn' },
    ]);
  });

  it('refuses, breaks off and waits as scripts say', async () => {
    const limited = await chat({ status: 429, headers: { 'retry-after': '2' } });
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '2']);
    await expect((await chat({ dieAfterTokens: 1 }, { stream: true })).text()).rejects.toThrow('terminated');
    const held = await chat({ hold: { gate: 'one', afterTokens: 2 } }, { stream: true });
    await upstream.open('one');
    expect(await held.text()).toContain('[DONE]');
    expect(await upstream.truth()).toMatchObject({ died: 1, whole: 2, aborted: 0 });
  });

  it('sees callers that go away', async () => {
    const controller = new AbortController();
    const hung = await chat({ hang: 1 }, { stream: true }, controller.signal);
    await hung.body?.getReader().read();
    expect(await upstream.truth()).toMatchObject({ open: 1 });
    controller.abort();
    await expect.poll(() => upstream.truth()).toMatchObject({ open: 0, aborted: 1, outputTokens: 1 });
  });

  it('can be killed and started anew on its port', async () => {
    const first = await startMockUpstream(await freePort());
    await first.kill();
    await expect(fetch(first.baseUrl)).rejects.toThrow('fetch failed');
    const second = await startMockUpstream(first.port);
    expect(await second.truth()).toMatchObject({ requests: 0 });
    await second.kill();
  });
});
