import { writeFileSync } from 'node:fs';
import { Seeded } from '../../src/kernel/seeded.ts';
import { load, rawRequest } from './load.ts';
import { onRawGateway } from './on-raw-gateway.ts';
const random = new Seeded(1);
const vectorOf = (): number[] => Array.from({ length: 100 }, () => random.next() - 0.5);
await onRawGateway(async (workerd, client) => {
  await client.post('/v1/indexes', { name: 'numbers', owner: 'bench', dimensions: 100 });
  for (let from = 0; from < 5; from += 1)
    await client.post('/v1/indexes/numbers/upsert', {
      vectors: Array.from({ length: 1000 }, (_, at) => ({ id: `v${from * 1000 + at}`, values: vectorOf(), metadata: { kind: 'mill' } })),
    });
  const bodies = Array.from({ length: 64 }, () => ({ vector: vectorOf(), top_k: 10 }));
  const targets: any = await (await fetch('http://127.0.0.1:9339/json')).json();
  console.log(targets.map((t: any) => t.id + ' ' + t.webSocketDebuggerUrl));
  const port = Number(new URL(client.url).port);
  for (const isCached of [false, true]) {
    const requests = bodies.map((body) => {
      const raw = rawRequest({ method: 'POST', path: '/v1/indexes/numbers/query', apiKey: client.apiKey, body });
      return isCached ? raw.replace('content-type', 'x-sluice-cache-ttl-ms: 3600000\r\ncontent-type') : raw;
    });
    const request = (n: number) => requests[n % 64]!;
    await load({ port, connections: 8, requestsMax: 600, durationS: 30, request });
    const sockets: { name: string; ws: WebSocket; call: (m: string) => Promise<any> }[] = [];
    for (const t of targets.filter((one: any) => /gateway|shards/.test(one.id))) {
      const ws = new WebSocket(t.webSocketDebuggerUrl);
      await new Promise((r) => ws.addEventListener('open', r));
      let id = 0;
      const pending = new Map<number, (v: any) => void>();
      ws.addEventListener('message', (m) => {
        const d = JSON.parse(String(m.data));
        pending.get(d.id)?.(d.result);
      });
      sockets.push({
        name: t.id,
        ws,
        call: (method) =>
          new Promise((r) => {
            id += 1;
            pending.set(id, r);
            ws.send(JSON.stringify({ id, method, params: {} }));
          }),
      });
    }
    for (const s of sockets) {
      await s.call('Profiler.enable');
      await s.call('Profiler.start');
    }
    const before = await workerd.cpuS();
    const r = await load({ port, connections: 8, requestsMax: 4000, durationS: 25, request });
    console.log(isCached, r.requests, 'cpuUs', (((await workerd.cpuS()) - before) / r.requests) * 1e6);
    for (const s of sockets) {
      const { profile } = await s.call('Profiler.stop');
      writeFileSync(`/tmp/prof-${isCached}-${s.name.replace(/\W/g, '_')}.json`, JSON.stringify({ n: r.requests, profile }));
      s.ws.close();
    }
  }
});
