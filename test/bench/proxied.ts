import { readFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as waited } from 'node:timers/promises';

import { assert } from '../../src/kernel/assert.ts';
import { bundleEntry } from '../../workers/local/bundle.ts';
import { ROOT } from '../../workers/local/paths.ts';
import type { ApiClient } from '../support/deployment/api-client.ts';
import { freePort } from '../support/deployment/free-port.ts';
import { installPeers } from './ann/install-peers.ts';
import { HTTP, load, rawRequest } from './load.ts';
import { onRawGateway } from './on-raw-gateway.ts';
import { serveChat, wordsAsked } from './proxied/chat-upstream.ts';
import { firstTokenMs } from './proxied/first-token.ts';
import type { PortkeyServer } from './quota/portkey.ts';
import { servePortkey } from './quota/portkey.ts';
import type { RawWorkerd } from './raw-workerd.ts';

interface Case {
  readonly what: string;
  readonly port: number;
  /** Undefined: what it takes is not the gateway's. */
  readonly cpuS: (() => Promise<number>) | undefined;
  readonly request: (shape: Shape) => string;
}

/** What is asked for. */
interface Shape {
  readonly answers: string;
  readonly path: string;
  readonly body: object;
  readonly connections: readonly number[];
}

const CONTENT = 'a sluice lets through just enough water for the mill';
const PROMPT = { messages: [{ role: 'user', content: CONTENT }] };
const CHAT = '/v1/chat/completions';
const WITH_USAGE = { stream: true, stream_options: { include_usage: true } };
const streamed = (words: number, more: object) => ({
  path: CHAT,
  body: { ...PROMPT, ...wordsAsked(words), ...more },
  connections: [1, 16],
});
/** Whose usage its callers ask for is passed through; any other is relayed, as what only Sluice has asked for is taken out. */
const STREAMED: Shape = { answers: '24 events, with usage', ...streamed(20, WITH_USAGE) };
const SHAPES: readonly Shape[] = [
  { answers: 'whole', path: CHAT, body: { ...PROMPT, stream: false }, connections: [1, 16, 64] },
  STREAMED,
  { answers: '24 events', ...streamed(20, { stream: true }) },
  { answers: '300 events, with usage', ...streamed(297, WITH_USAGE) },
  { answers: '300 events', ...streamed(297, { stream: true }) },
  { answers: 'embedding of 1,536', path: '/v1/embeddings', body: { input: CONTENT, encoding_format: 'float' }, connections: [16] },
];
const ROUNDS = 3;
const FIRST_TOKENS = 300;
/** Concurrent streams of which the memory is compared. */
const STREAMS = [100, 1_000];
/** A stream takes a second and a half then: all of them are open at once. */
const PAUSE_MS = 75;

/**
 * Chats and embeddings through the gateway, whole and streamed, beside the same upstream without it, beside a minimal Worker that passes them on, and beside
 * Portkey's gateway; keys, quotas, exact budgets, routing and the request log are on in Sluice, and Portkey has none of them. Then the memory
 * of many streams at once. Rounds are interleaved, and the best one counts.
 */
export async function proxiedBench({ quick = false }: { readonly quick?: boolean }): Promise<void> {
  await installPeers();
  await bundleEntry('quota-proxy', join(ROOT, 'test/workerd/quota-bench/worker.ts'));
  const [upstream, slow, portkey] = [await serveChat(), await serveChat(PAUSE_MS), await servePortkey()];
  const port = await freePort();
  const variables = { UPSTREAM_PRIVATE_HOSTS: `127.0.0.1:${upstream.port}, 127.0.0.1:${slow.port}` };
  const beside = { bundle: 'quota-proxy', port, upstreamPort: upstream.port };
  try {
    await onRawGateway(
      async (workerd, client) => {
        await describe(client, upstream.port, slow.port);
        const cases = casesOf(workerd, client, portkey, { bare: port, upstream: upstream.port });
        for (const shape of SHAPES) {
          for (const connections of shape.connections) console.table(await measure(cases, connections, shape, quick ? 1 : 4));
        }
        console.table(await firstTokens(cases));
        console.table(await memoryOfStreams(workerd, client));
      },
      { variables, beside },
    );
  } finally {
    portkey.stop();
    upstream.stop();
    slow.stop();
  }
}

/** The two upstreams, as the tenant describes them. */
async function describe(client: ApiClient, ...ports: readonly number[]): Promise<void> {
  const prices = { input: 150_000_000, output: 600_000_000 };
  const model = { name: 'mock', serves: ['chat', 'embeddings'], context_tokens: 128_000, output_tokens_max: 4_096, prices };
  for (const [at, name] of NAMES.entries()) {
    const upstream = {
      name,
      protocol: 'openai',
      base_url: `http://127.0.0.1:${ports[at]}/v1`,
      secret: 'sk-mock-0123456789',
      models: [model],
    };
    const { status, body } = await client.post('/v1/upstreams', upstream);
    assert(status === 200 || status === 201, `the upstream is described: ${JSON.stringify(body)}`);
    // The gateway's copy is at most a second old.
    for (let tries = 0; (await client.post('/v1/chat/completions', { ...PROMPT, model: `${name}/mock` })).status !== 200; tries += 1) {
      assert(tries < 100, `the upstream ${name} answers`);
      await waited(50);
    }
  }
}

const NAMES = ['quick', 'slow'] as const;

function casesOf(
  workerd: RawWorkerd,
  client: ApiClient,
  portkey: PortkeyServer,
  ports: Readonly<Record<'bare' | 'upstream', number>>,
): Case[] {
  const call = (path: string, body: object, apiKey: string): string => rawRequest({ method: 'POST', path, body, apiKey });
  const passed = `x-portkey-provider: openai\r\nx-portkey-custom-host: http://127.0.0.1:${ports.upstream}/v1\r\ncontent-type`;
  const asked = ({ body }: Shape, model = 'mock') => ({ model, ...body });
  const cpuS = () => workerd.cpuS();
  const ours = (shape: Shape) => call(shape.path, asked(shape, 'quick/mock'), client.apiKey);
  return [
    { what: 'upstream alone', port: ports.upstream, cpuS: undefined, request: (shape) => call(shape.path, asked(shape), 'mock') },
    { what: 'a minimal Worker', port: ports.bare, cpuS, request: (shape) => call(`/bench/passed${shape.path}`, asked(shape), 'mock') },
    { what: 'Sluice', port: portOf(client), cpuS, request: ours },
    {
      what: 'Portkey',
      port: portkey.port,
      cpuS: () => portkey.cpuS(),
      request: (shape) => call(shape.path, asked(shape), 'mock').replace('content-type', passed),
    },
  ];
}

const portOf = ({ url }: ApiClient): number => Number(new URL(url).port);

async function measure(cases: readonly Case[], connections: number, shape: Shape, durationS: number) {
  const best = new Map<string, Record<string, string | number>>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { what, port, cpuS, request } of cases) {
      const text = request(shape);
      await load({ ...HTTP, port, connections, requestsMax: 200, durationS: 2, request: () => text });
      const before = await cpuS?.();
      const result = await load({ ...HTTP, port, connections, requestsMax: Infinity, durationS, request: () => text });
      assert(result.failures === 0, `${what} answers every request`);
      const after = await cpuS?.();
      const cpuUs = before === undefined || after === undefined ? '' : Math.round(((after - before) / result.requests) * 1e6);
      const known = best.get(what);
      if (known !== undefined && Number(known['p50 ms']) <= result.p50Ms) continue;
      best.set(what, {
        what,
        answers: shape.answers,
        connections,
        failures: result.failures,
        'per s': Math.round(result.requests / result.elapsedS),
        'CPU us': cpuUs,
        'p50 ms': Number(result.p50Ms.toFixed(3)),
        'p99 ms': Number(result.p99Ms.toFixed(2)),
        load: Number((loadavg()[0] ?? 0).toFixed(1)),
      });
    }
  }
  return [...best.values()];
}

/** From the request to the first event of its stream. */
async function firstTokens(cases: readonly Case[]) {
  const best = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { what, port, request } of cases) {
      const times = await firstTokenMs(port, request(STREAMED), FIRST_TOKENS);
      if ((best.get(what)?.[FIRST_TOKENS >> 1] ?? Infinity) > (times[FIRST_TOKENS >> 1] ?? 0)) best.set(what, times);
    }
  }
  return [...best].map(([what, times]) => ({
    what,
    'first token p50 ms': Number((times[FIRST_TOKENS >> 1] ?? 0).toFixed(3)),
    'p99 ms': Number((times[Math.floor(FIRST_TOKENS * 0.99)] ?? 0).toFixed(2)),
  }));
}

/** The memory of workerd while so many streams are open, twice each: what the first time keeps, the second finds. */
async function memoryOfStreams(workerd: RawWorkerd, client: ApiClient) {
  const rows: Record<string, number>[] = [];
  for (const streams of [...STREAMS, ...STREAMS]) {
    const request = rawRequest({
      method: 'POST',
      path: '/v1/chat/completions',
      apiKey: client.apiKey,
      body: { model: 'slow/mock', stream: true, ...PROMPT },
    });
    const before = await rssMib(workerd.pid);
    const all = load({ ...HTTP, port: portOf(client), connections: streams, requestsMax: streams, durationS: 60, request: () => request });
    let most = before;
    const watching = new AbortController();
    const watch = async (): Promise<void> => {
      while (!watching.signal.aborted) {
        most = Math.max(most, await rssMib(workerd.pid));
        await waited(20);
      }
    };
    const watched = watch();
    const { failures, elapsedS } = await all;
    watching.abort();
    await watched;
    rows.push({
      streams,
      failures,
      'MiB before': before,
      'MiB at most': most,
      'kB a stream': Math.round(((most - before) * 1024) / streams),
      s: Number(elapsedS.toFixed(1)),
    });
  }
  return rows;
}

async function rssMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024);
}
