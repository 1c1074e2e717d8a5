import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const EMBEDDING = Array.from({ length: 384 }, (_, position) => Math.sin(position) / 20);
const BODY = JSON.stringify({
  object: 'list',
  data: [{ object: 'embedding', index: 0, embedding: EMBEDDING }],
  model: 'mock',
  usage: { prompt_tokens: 11, total_tokens: 11 },
});

/** A mock model that answers every request at once with one embedding of 384 floats. */
export async function serveUpstream(): Promise<{ port: number; stop(): void }> {
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(BODY) });
      response.end(BODY);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, stop: () => void server.close() };
}
