import type { MockUpstream } from '../upstreams/mock-upstream.ts';
import type { Script } from '../upstreams/script.ts';
import { scripted } from '../upstreams/script.ts';
import type { ApiClient } from './api-client.ts';
import { BulkStream } from './bulk-stream.ts';

/** A call under way. */
export interface LongCall {
  readonly name: string;
  /** Whether it is where it waits: seen at what it waits for, or by what its caller has got of it. */
  readonly hasBegun: () => Promise<boolean> | boolean;
  /** Status and text of the answer, once it is over. */
  readonly over: Promise<{ readonly status: number; readonly text: string }>;
  /** What an upstream was asked for it has this in its body. Undefined: no upstream is asked. */
  readonly mark?: string;
}

/** What a caller has got. */
interface Getting {
  text: string;
}

/** Sends a call whose answer is read as it comes. */
function begun({ url, apiKey }: ApiClient, method: string, path: string, body?: object, headers: Record<string, string> = {}) {
  const getting: Getting = { text: '' };
  const over = (async () => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${apiKey}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    for await (const piece of answer.body!.pipeThrough(new TextDecoderStream())) getting.text += piece;
    return { status: answer.status, text: getting.text };
  })();
  over.catch(() => undefined);
  return { getting, over };
}

/** How a prompt is said on each surface. */
const BODIES: Readonly<Record<string, (prompt: string) => object>> = {
  'chat/completions': (prompt) => ({ messages: [{ role: 'user', content: prompt }] }),
  completions: (prompt) => ({ prompt }),
  responses: (prompt) => ({ input: prompt }),
  messages: (prompt) => ({ max_tokens: 100, messages: [{ role: 'user', content: prompt }] }),
  embeddings: (prompt) => ({ input: prompt }),
  rerank: (prompt) => ({ query: prompt, documents: ['a', 'b'] }),
  moderations: (prompt) => ({ input: prompt }),
};

interface Asked {
  readonly name: string;
  readonly surface: string;
  readonly model: string;
  readonly script: Script;
  /** Absent: the upstream has the request. */
  readonly until?: 'token' | 'waiting' | 'judged';
  readonly more?: object;
  readonly headers?: Record<string, string>;
}

const STREAM = { stream: true };
/** Nothing is added to what its upstream sends: it is passed on outside of JavaScript. */
const PASSED = { stream: true, stream_options: { include_usage: true } };
/** Its gate is of one set of calls: once opened, it stays open. */
const HELD: Script = { tokens: 40, hold: { gate: '', afterTokens: 2 } };
const SILENT: Script = { hang: 'head' };
/** It is tried again once the pause is over. */
const PAUSING: Script = { status: 429, headers: { 'retry-after': '20' } };
const CACHED = { 'x-sluice-cache-ttl-ms': '60000' };

/** Calls of models of upstreams, each where it waits for long. */
const ASKED: readonly Asked[] = [
  { name: 'a chat', surface: 'chat/completions', model: 'lab/small', script: SILENT },
  { name: 'a chat that is half answered', surface: 'chat/completions', model: 'lab/small', script: { hold: HELD.hold! } },
  { name: 'a cached chat', surface: 'chat/completions', model: 'lab/small', script: SILENT, headers: CACHED },
  { name: 'a relayed chat', surface: 'chat/completions', model: 'lab/small', script: HELD, more: STREAM, until: 'token' },
  { name: 'a passed chat', surface: 'chat/completions', model: 'lab/small', script: HELD, more: PASSED, until: 'token' },
  { name: 'a passed completion', surface: 'completions', model: 'lab/small', script: HELD, more: PASSED, until: 'token' },
  { name: 'a stream of responses', surface: 'responses', model: 'lab/small', script: HELD, more: STREAM, until: 'token' },
  { name: 'responses', surface: 'responses', model: 'lab/small', script: SILENT },
  { name: 'a stream of messages', surface: 'messages', model: 'claude/small', script: HELD, more: STREAM, until: 'token' },
  { name: 'messages', surface: 'messages', model: 'claude/small', script: SILENT },
  { name: 'a translated chat', surface: 'chat/completions', model: 'claude/small', script: HELD, more: STREAM, until: 'token' },
  { name: 'embeddings', surface: 'embeddings', model: 'lab/vectors', script: SILENT },
  { name: 'a ranking', surface: 'rerank', model: 'lab/vectors', script: SILENT },
  { name: 'a moderation', surface: 'moderations', model: 'lab/vectors', script: SILENT },
  { name: 'a student', surface: 'chat/completions', model: 'taught', script: SILENT },
  { name: 'a guarded stream', surface: 'chat/completions', model: 'masked', script: HELD, more: STREAM },
];

/** Those that wait for some seconds, or half a minute, and no longer. */
const IMPATIENT: readonly Asked[] = [
  { name: 'a hook', surface: 'chat/completions', model: 'judged', script: {}, until: 'judged' },
  { name: 'a wait for a place', surface: 'chat/completions', model: 'narrow/small', script: {}, until: 'waiting' },
  {
    name: 'a wait for the next try',
    surface: 'chat/completions',
    model: 'busy',
    script: PAUSING,
  },
];

export const ASKED_NAMES = [...ASKED, ...IMPATIENT].map(({ name }) => name);
export const LONG_CALL_NAMES = [...ASKED_NAMES, 'an import', 'events of a job', 'logs of a job'];

export interface Waits {
  /** Requests that wait for places, in the isolate that is called. */
  readonly waiting: () => Promise<number>;
  /** What the webhook was asked. */
  readonly judged: () => readonly string[];
  /** An index, and a job that never begins. */
  readonly index: string;
  readonly job: string;
}

function askedCall(client: ApiClient, upstream: MockUpstream, waits: Waits, at: string, asked: Asked): LongCall {
  const mark = `${at} ${asked.name}.`;
  const { hold } = asked.script;
  const script = { ...asked.script, ...(hold === undefined ? {} : { hold: { ...hold, gate: at } }) };
  // An upstream that asks for a pause pauses for all of its callers.
  const model = asked.model === 'busy' ? `busy-${at}/small` : asked.model;
  const body = { model, ...BODIES[asked.surface]?.(scripted(script, mark)), ...asked.more };
  const { getting, over } = begun(client, 'POST', `/v1/${asked.surface}`, body, asked.headers);
  const isAsked = async (): Promise<boolean> =>
    (await upstream.truth()).latest.some((served) => JSON.stringify(served.body).includes(mark));
  const hasBegun = {
    token: () => getting.text.includes('t1'),
    waiting: async () => (await waits.waiting()) > 0,
    judged: () => waits.judged().some((texts) => texts.includes(mark)),
    asked: isAsked,
  }[asked.until ?? 'asked'];
  return { name: asked.name, mark, hasBegun, over };
}

/** One of each kind of call that lasts, with one key; `at` is in all that upstreams are asked, and the gate that holds them. */
export function longCalls(client: ApiClient, upstream: MockUpstream, waits: Waits, at: string): LongCall[] {
  const followed = (name: string, path: string, sign: string): LongCall => {
    const { getting, over } = begun(client, 'GET', path);
    return { name, over, hasBegun: () => getting.text.includes(sign) };
  };
  return [
    ...ASKED.map((asked) => askedCall(client, upstream, waits, at, asked)),
    followed('events of a job', `/v1/jobs/${waits.job}/events`, 'event: submitted'),
    // What it says first is sent with the first of its log.
    { ...followed('logs of a job', `/v1/jobs/${waits.job}/logs?follow=true`, ''), hasBegun: () => true },
  ];
}

/** The others of each kind: to be begun last. */
export const impatientCalls = (client: ApiClient, upstream: MockUpstream, waits: Waits, at: string): LongCall[] => [
  ...IMPATIENT.map((asked) => askedCall(client, upstream, waits, at, asked)),
  importing(client, waits),
];

/** Its sender rests after a batch. */
function importing(client: ApiClient, { index }: Waits): LongCall {
  const stream = new BulkStream(client, `/v1/indexes/${index}/import`);
  const over = stream.read().then(async () => ({ status: await stream.status(), text: JSON.stringify(stream.last) }));
  void stream.send(`${JSON.stringify({ id: 'one', values: [1, 1] })}\n`);
  return { name: 'an import', over, hasBegun: () => stream.news.length > 0 };
}

/** The download of a file that is larger than what is on its way to a reader: it takes the first piece, and the others once it is told. */
export function download({ url, apiKey }: ApiClient, file: string, readOn: Promise<void>): LongCall {
  const got = { bytes: 0 };
  const over = (async () => {
    const answer = await fetch(`${url}/v1/files/${file}/content`, { headers: { authorization: `Bearer ${apiKey}` } });
    try {
      for await (const piece of answer.body!) {
        got.bytes += piece.length;
        await readOn;
      }
      return { status: answer.status, text: 'whole' };
    } catch {
      return { status: answer.status, text: 'broken off' };
    }
  })();
  return { name: 'a file', over, hasBegun: () => got.bytes > 0 };
}
