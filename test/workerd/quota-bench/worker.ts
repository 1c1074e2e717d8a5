import * as z from 'zod';

import { json, tenant } from '../../../src/contract/api/endpoint.ts';
import type { Endpoint } from '../../../src/contract/api/endpoint.ts';
import { compose } from '../../../workers/gateway/compose.ts';
import type { GatewayEnv } from '../../../workers/gateway/env.ts';
import { buildApp } from '../../../workers/gateway/app.ts';
import gateway from '../../../workers/gateway/index.ts';
import { route } from '../../../workers/gateway/pipeline/serve.ts';

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
  readonly BESIDE: Fetcher;
}

const embedding = route(proxied, async (call) => {
  const reserved = await call.reserve({ embedding_tokens: TOKENS_MAX });
  if (!reserved.ok) return reserved;
  const { BESIDE } = environments.get(call.gateway) as Env;
  const body = JSON.stringify(call.body);
  const answer = await BESIDE.fetch('http://upstream/v1/embeddings', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  const text = await answer.text();
  // Parses only the end of a long answer, which has the usage.
  const tokens = Number(/"total_tokens": *(\d+)/.exec(text.slice(text.lastIndexOf('"usage"')))?.[1]);
  return { ok: true, reply: text, used: { embedding_tokens: tokens }, model: call.body.model };
});

const environments = new Map<unknown, Env>();
const app = buildApp<Env>({
  compose: (env) => {
    const parts = compose(env);
    environments.set(parts, env);
    return parts;
  },
  routes: [embedding],
});

/** The least that a gateway does: it compares the key, and passes the body of the answer. */
async function passed(request: Request, env: Env): Promise<Response> {
  if (request.headers.get('authorization') !== 'Bearer mock') return new Response(null, { status: 401 });
  const path = new URL(request.url).pathname.slice(PASSED.length);
  const answer = await env.BESIDE.fetch(`http://upstream${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: await request.text(),
  });
  return new Response(answer.body, { headers: { 'content-type': answer.headers.get('content-type') ?? '' } });
}

const PASSED = '/bench/passed';

/** The same call without a gateway: the cost of the runtime and the upstream. */
async function bare(request: Request, env: Env): Promise<Response> {
  const answer = await env.BESIDE.fetch('http://upstream/v1/embeddings', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: await request.text(),
  });
  return new Response(await answer.text(), { headers: { 'content-type': 'application/json' } });
}

export default {
  fetch(request: Request, env: Env, context: ExecutionContext): Response | Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === '/bench/bare') return bare(request, env);
    if (pathname.startsWith(`${PASSED}/`)) return passed(request, env);
    return pathname === proxied.path ? app.fetch(request, env, context) : gateway.fetch(request, env, context);
  },
};
