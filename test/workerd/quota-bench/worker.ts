import * as z from 'zod';

import { json, tenant } from '../../../src/contract/endpoint.ts';
import type { Endpoint } from '../../../src/contract/endpoint.ts';
import { compose } from '../../../workers/gateway/compose.ts';
import type { GatewayEnv } from '../../../workers/gateway/env.ts';
import { buildGatewayApp } from '../../../workers/gateway/gateway-app.ts';
import { concluded, outlivingItsClient } from '../../../workers/gateway/request-lifecycle.ts';
import { route } from '../../../workers/gateway/serve.ts';

// The gateway with one more route, which does what a gateway to other providers' models does: it checks the key, draws and settles quota,
// records usage, and returns the upstream's answer.

const proxied = {
  method: 'POST',
  path: '/bench/embeddings',
  tag: 'Bench',
  summary: 'Embed by an upstream',
  access: tenant('inference'),
  meters: ['embedding_tokens'],
  body: json(z.object({ model: z.string(), input: z.string() })),
  status: 200,
  reply: { kind: 'bytes', contentType: 'application/json' },
} as const satisfies Endpoint;

/** Reserved for what the upstream may count. */
const TOKENS_MAX = 64;

interface Env extends GatewayEnv {
  readonly UPSTREAM: Fetcher;
}

const { work } = route(proxied, async (call) => {
  const reserved = await call.reserve({ embedding_tokens: TOKENS_MAX });
  if (!reserved.ok) return reserved;
  const { UPSTREAM } = upstreamOf.get(call.gateway) as Env;
  const body = JSON.stringify(call.body);
  const answer = await UPSTREAM.fetch('http://upstream/v1/embeddings', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  const text = await answer.text();
  // Parses only the end of a long answer, which has the usage.
  const tokens = Number(/"total_tokens": *(\d+)/.exec(text.slice(text.lastIndexOf('"usage"')))?.[1]);
  return { ok: true, reply: text, used: { embedding_tokens: tokens }, model: call.body.model };
});

const upstreamOf = new Map<unknown, Env>();
const app = buildGatewayApp(compose);
const answerProxied = outlivingItsClient(concluded(compose, work));
app.post(proxied.path, (context) => {
  upstreamOf.set(compose(context.env), context.env as Env);
  return answerProxied(context);
});
// The same call without a gateway: the cost of the runtime and the upstream.
app.post('/bench/bare', async (context) => {
  const answer = await (context.env as Env).UPSTREAM.fetch('http://upstream/v1/embeddings', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: await context.req.text(),
  });
  return new Response(await answer.text(), { headers: { 'content-type': 'application/json' } });
});
// The least that a gateway does: it compares the key, and passes the body of the answer.
app.post('/bench/passed/*', async (context) => {
  if (context.req.header('authorization') !== 'Bearer mock') return new Response(null, { status: 401 });
  const path = new URL(context.req.url).pathname.slice('/bench/passed'.length);
  const answer = await (context.env as Env).UPSTREAM.fetch(`http://upstream${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: await context.req.text(),
  });
  return new Response(answer.body, { headers: { 'content-type': answer.headers.get('content-type') ?? '' } });
});

export default app;
