import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';

import { systemTimer } from '../../../durable-objects/system-time.ts';
import { CancelSource } from '../../../src/upstreams/serving/cancel-source.ts';
import type { Target } from '../../../src/upstreams/target.ts';
import type { Cancellation, Opened, TransportFault } from '../../../src/upstreams/transport.ts';
import { HttpTransport } from '../../../workers/gateway/adapters/upstreams/http-transport.ts';
import type { MockUpstream } from '../../support/upstreams/mock-upstream.ts';
import { startMockUpstream } from '../../support/upstreams/mock-upstream.ts';
import type { Script } from '../../support/upstreams/script.ts';
import { targetOf } from '../../support/upstreams/target.ts';

let upstream: MockUpstream;

beforeAll(async () => {
  upstream = await startMockUpstream();
});
beforeEach(() => upstream.reset());
afterAll(() => upstream.kill());

/** Long enough that only a test of another limit ends there. */
const LONG_MS = 60_000;

const transport = new HttpTransport({ timer: systemTimer, clock: { nowMs: () => Date.now() }, secretOf: () => Promise.resolve('s3cret') });
const timeouts = { connectMs: LONG_MS, firstTokenMs: LONG_MS, idleMs: LONG_MS, totalMs: LONG_MS };
const targetWith = (more: Partial<Target['timeouts']> = {}, protocol: Target['protocol'] = 'openai'): Target =>
  targetOf({ protocol, baseUrl: upstream.baseUrl, timeouts: { ...timeouts, ...more } });

/** What its owner calls off. */
function cancellable(): Cancellation & { cancel(): void; readonly listeners: Set<() => void> } {
  const listeners = new Set<() => void>();
  let isCancelled = false;
  return {
    listeners,
    get isCancelled() {
      return isCancelled;
    },
    onCancel(run) {
      listeners.add(run);
      return () => listeners.delete(run);
    },
    cancel() {
      isCancelled = true;
      for (const run of listeners) run();
    },
  };
}

const request = (path = '/chat/completions', streams = true) => ({
  path,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hello' }], max_tokens: 9, stream: streams }),
  streams,
});

async function open(script: Script, target = targetWith(), cancellation: Cancellation = cancellable()): Promise<Opened | TransportFault> {
  await upstream.script(script);
  return transport.open(target, request(), cancellation);
}

async function allOf(opened: Opened | TransportFault): Promise<readonly [text: string, end: TransportFault | undefined]> {
  if (opened.kind === 'fault') return ['', opened];
  let text = '';
  for (;;) {
    const piece = await opened.body.read();
    if (piece === undefined || 'kind' in piece) return [text, piece];
    text += new TextDecoder().decode(piece);
  }
}

it('[U191] knows what to take out of what an upstream says', async () => {
  const opened = await open({ status: 400 });
  expect(opened.kind === 'opened' && opened.withoutSecret?.('a s3cret, s3cret')).toBe('a [redacted], [redacted]');
});

it('[U41] reads a stream to its end, with the proof that its protocol wants', async () => {
  const cancellation = cancellable();
  const opened = await open({ tokens: 3, pieceBytes: 11 }, targetWith(), cancellation);
  expect(opened).toMatchObject({ status: 200, contentType: 'text/event-stream' });
  const [text, end] = await allOf(opened);
  expect([text.endsWith('data: [DONE]\n\n'), end]).toEqual([true, undefined]);
  expect(cancellation.listeners.size, 'nothing listens any more').toBe(0);
  await transport.open(targetWith({}, 'anthropic'), request('/messages', false), cancellable());
  const { latest } = await upstream.truth();
  expect(latest.map(({ headers }) => [headers['authorization'], headers['x-api-key']])).toEqual([
    ['Bearer s3cret', undefined],
    [undefined, 's3cret'],
  ]);
});

it('[U41] reads pieces of any size, none of which a later one changes', async () => {
  const opened = await open({ texts: ['x', 'y'.repeat(300_000), 'z', 'w'.repeat(5_000), 'v'] });
  if (opened.kind === 'fault') throw new Error(opened.fault);
  const pieces: Uint8Array[] = [];
  for (;;) {
    const piece = await opened.body.read();
    if (piece === undefined || 'kind' in piece) break;
    pieces.push(piece);
  }
  const text = Buffer.concat(pieces).toString('utf8');
  expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  expect(text).toBe(await (await fetch(`${upstream.baseUrl}/chat/completions`, { ...request(), method: 'POST' })).text());
});

it('[U41] holds no more memory for pieces than twice what they are, however small an upstream sends them', async () => {
  const server = createServer((__, response) => {
    // Announces far more than it sends: room for all of that would be kept with each byte.
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1_000_000 });
    const send = (left: number): unknown => (left === 0 ? response.destroy() : response.write('x', () => setImmediate(send, left - 1)));
    send(20);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const target = { ...targetWith(), baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
    const opened = await transport.open(target, request('/embeddings', false), cancellable());
    if (opened.kind === 'fault') throw new Error(opened.fault);
    const pieces: Uint8Array[] = [];
    for (let piece = await opened.body.read(); piece instanceof Uint8Array; piece = await opened.body.read()) pieces.push(piece);
    expect(pieces.length).toBeGreaterThan(0);
    expect(pieces.filter(({ length, buffer }) => buffer.byteLength > 2 * length)).toEqual([]);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

it.each([
  ['as it is', (text: string) => Buffer.from(text), {}],
  ['compressed, with the length of what is sent', gzipSync, { 'content-encoding': 'gzip' }],
])('[U41] reads a whole answer to its end, %s', async (_, written, headers) => {
  const text = JSON.stringify({ data: 'x'.repeat(200_000) });
  const server = createServer((__, response) => {
    const bytes = written(text);
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': bytes.length, ...headers }).end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const cancellation = cancellable();
    const target = { ...targetWith(), baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
    const opened = await transport.open(target, request('/embeddings', false), cancellation);
    expect(await allOf(opened)).toEqual([text, undefined]);
    expect(cancellation.listeners.size, 'nothing listens any more').toBe(0);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

it('[U40] follows no redirect', async () => {
  const opened = await open({ status: 307, headers: { location: `${upstream.baseUrl}/messages` } });
  expect(opened).toEqual({ kind: 'fault', fault: 'garbage' });
  expect(await upstream.truth()).toMatchObject({ requests: 1 });
});

it('[U41] says after which time an upstream wants to be asked again', async () => {
  expect(await open({ status: 429, headers: { 'retry-after': '2' } })).toMatchObject({ status: 429, retryAfterMs: 2_000 });
  expect(await open({ status: 429, headers: { 'retry-after-ms': '70', 'retry-after': '2' } })).toMatchObject({ retryAfterMs: 70 });
  expect(await open({ status: 503, headers: { 'retry-after': 'Fri, 31 Dec 1999 23:59:59 GMT' } })).not.toHaveProperty('retryAfterMs');
});

/**
 * Makes a call whose time runs out, with ever more time until the upstream has got it: on a busy machine it may be over before. Then waits until
 * the upstream has noticed: a call that is still open would end among those of the next test.
 */
async function endsInTime(call: (times: number) => Promise<void>): Promise<void> {
  for (let times = 1; (await upstream.truth()).requests === 0; times *= 2) await call(times);
  const ends = async () => {
    const { requests, open: unended, aborted } = await upstream.truth();
    return { unended, others: requests - aborted };
  };
  await expect.poll(ends).toEqual({ unended: 0, others: 0 });
}

it.each<[string, Script, Partial<Target['timeouts']>]>([
  ['connect_timeout', { hang: 'head' }, { connectMs: 30 }],
  ['first_token_timeout', { hang: 0 }, { firstTokenMs: 30 }],
  ['idle_timeout', { hang: 2 }, { idleMs: 30 }],
  ['total_timeout', { hang: 2 }, { totalMs: 200 }],
])('[U41] ends a call by %s, and its connection', async (fault, script, limits) => {
  await endsInTime(async (times) => {
    const slower = Object.fromEntries(Object.entries(limits).map(([limit, ms]) => [limit, ms * times]));
    const [, end] = await allOf(await open(script, targetWith(slower)));
    expect(end).toEqual({ kind: 'fault', fault });
  });
});

it('[U41] waits for the headers of a whole answer as long as for its first piece', async () => {
  await upstream.script({ hang: 'head' });
  await endsInTime(async (times) => {
    const target = targetWith({ connectMs: 5 * times, firstTokenMs: 30 * times });
    const opened = await transport.open(target, request('/chat/completions', false), cancellable());
    expect(opened).toEqual({ kind: 'fault', fault: 'first_token_timeout' });
  });
});

it('[U41] ends a call whose owner has gone, whatever it waits for', async () => {
  const early = cancellable();
  early.cancel();
  expect(await open({}, targetWith(), early)).toEqual({ kind: 'fault', fault: 'cancelled' });

  const meanwhile = new CancelSource();
  const secretOf = (): Promise<undefined> => Promise.resolve(meanwhile.cancel()).then(() => undefined);
  const slow = new HttpTransport({ timer: systemTimer, clock: { nowMs: () => Date.now() }, secretOf });
  expect(await slow.open(targetWith(), request(), meanwhile)).toEqual({ kind: 'fault', fault: 'cancelled' });

  const waiting = cancellable();
  await upstream.script({ hang: 'head' });
  const opening = transport.open(targetWith(), request(), waiting);
  await expect.poll(() => upstream.truth()).toMatchObject({ open: 1 });
  waiting.cancel();
  expect(await opening).toEqual({ kind: 'fault', fault: 'cancelled' });

  const reading = cancellable();
  const opened = await open({ hang: 1 }, targetWith(), reading);
  if (opened.kind === 'fault') throw new Error(opened.fault);
  await opened.body.read();
  const read = opened.body.read();
  reading.cancel();
  expect(await read).toEqual({ kind: 'fault', fault: 'cancelled' });
  await expect.poll(() => upstream.truth()).toMatchObject({ open: 0 });
});

it('[U41] tells a connection that breaks from one that is refused', async () => {
  const [text, end] = await allOf(await open({ dieAfterTokens: 2 }));
  expect([text.includes('t1'), end]).toEqual([true, { kind: 'fault', fault: 'broken' }]);
  const gone = await startMockUpstream();
  await gone.kill();
  expect(await transport.open({ ...targetWith(), baseUrl: gone.baseUrl }, request(), cancellable())).toEqual({
    kind: 'fault',
    fault: 'refused',
  });
});
