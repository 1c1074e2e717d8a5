import { setTimeout as waited } from 'node:timers/promises';
import { HTTP, load, rawRequest } from './load.ts';
import { onRawGateway } from './on-raw-gateway.ts';
import { serveChat, wordsAsked } from './proxied/chat-upstream.ts';
import { bundleEntry } from '../../workers/local/bundle.ts';
import { freePort } from '../support/deployment/free-port.ts';
import { join } from 'node:path';
import { ROOT } from '../../workers/local/paths.ts';
const upstream = await serveChat();
await bundleEntry('quota-proxy', join(ROOT, 'test/workerd/quota-bench/worker.ts'));
const [port, upstreamsPort] = [await freePort(), await freePort()];
const only = (process.argv[2] ?? 'bare,own').split(',');
const shapes = (process.argv[3] ?? 'w,u24,r24,u300,r300').split(',');
const PROMPT = { messages: [{ role: 'user', content: 'a sluice lets through just enough water for the mill' }] };
const U = { stream: true, stream_options: { include_usage: true } };
const SH: Record<string, object> = {
  w: { stream: false },
  u24: { ...U, ...wordsAsked(20) },
  r24: { stream: true, ...wordsAsked(20) },
  u300: { ...U, ...wordsAsked(297) },
  r300: { stream: true, ...wordsAsked(297) },
};
await onRawGateway(
  async (workerd, client) => {
    const model = {
      name: 'mock',
      serves: ['chat', 'embeddings'],
      context_tokens: 128_000,
      output_tokens_max: 4_096,
      prices: { input: 150_000_000, output: 600_000_000 },
    };
    const r = await client.post('/v1/upstreams', {
      name: 'quick',
      protocol: 'openai',
      base_url: `http://127.0.0.1:${upstream.port}/v1`,
      secret: 'sk-mock-0123456789',
      models: [model],
    });
    if (r.status > 201) throw new Error(JSON.stringify(r.body));
    await waited(1500);
    const targets: Record<string, (s: string) => [number, string]> = {
      bare: (s) => [
        port,
        rawRequest({
          method: 'POST',
          path: '/bench/passed/v1/chat/completions',
          apiKey: 'mock',
          body: { model: 'mock', ...PROMPT, ...SH[s] },
        }),
      ],
      own: (s) => [
        upstreamsPort,
        rawRequest({
          method: 'POST',
          path: '/v1/chat/completions',
          apiKey: client.apiKey,
          body: { model: 'quick/mock', ...PROMPT, ...SH[s] },
        }),
      ],
      gw: (s) => [
        Number(new URL(client.url).port),
        rawRequest({
          method: 'POST',
          path: '/v1/chat/completions',
          apiKey: client.apiKey,
          body: { model: 'quick/mock', ...PROMPT, ...SH[s] },
        }),
      ],
    };
    const one = await fetch(`http://127.0.0.1:${upstreamsPort}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${client.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'quick/mock', ...PROMPT, ...SH['u24'] }),
    });
    console.log((await one.text()).slice(-200).trim());
    if (process.env.HOLD) {
      console.log('pid', workerd.pid, 'own', upstreamsPort, 'key', client.apiKey);
    }
    if (process.env.PERF) {
      const { spawn } = await import('node:child_process');
      const [p, text] = targets[only[0]!]!(shapes[0]!);
      const c = Number(process.argv[4] ?? 1);
      await load({ ...HTTP, port: p, connections: c, requestsMax: 200, durationS: 5, request: () => text });
      const pf = spawn('perf', ['record', '-F', '999', '-g', '-o', process.env.PERF, '-p', String(workerd.pid), '--', 'sleep', '8'], {
        stdio: 'ignore',
      });
      const b = await workerd.cpuS();
      const res = await load({ ...HTTP, port: p, connections: c, requestsMax: Infinity, durationS: 8, request: () => text });
      console.log('perf', res.requests, Math.round((((await workerd.cpuS()) - b) / res.requests) * 1e6));
      await waited(3000);
      void pf;
      return;
    }
    for (const s of shapes)
      for (const connections of (process.argv[4] ?? '1,16').split(',').map(Number)) {
        const row: Record<string, number> = {};
        for (let round = 0; round < 3; round += 1)
          for (const t of only) {
            const [p, text] = targets[t]!(s);
            await load({ ...HTTP, port: p, connections, requestsMax: Number(process.env.WARM ?? 60), durationS: 8, request: () => text });
            const before = await workerd.cpuS();
            const n = s.endsWith('300') ? 300 : 1200;
            const res = await load({ ...HTTP, port: p, connections, requestsMax: n, durationS: 30, request: () => text });
            if (res.failures > 0) throw new Error(`${t} ${s} fails`);
            const us = Math.round((((await workerd.cpuS()) - before) / res.requests) * 1e6);
            row[t] = Math.min(row[t] ?? Infinity, us);
          }
        console.log(s, connections, JSON.stringify(row));
      }
    if (process.env.HOLD) await waited(Number(process.env.HOLD) * 1000);
  },
  {
    variables: { UPSTREAM_PRIVATE_HOSTS: `127.0.0.1:${upstream.port}` },
    beside: { bundle: 'quota-proxy', port, upstreamPort: upstream.port },
    upstreamsPort,
  },
);
upstream.stop();
process.exit(0);
