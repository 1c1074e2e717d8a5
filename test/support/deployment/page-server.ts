import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';

import { ROOT } from '../../../workers/local/paths.ts';

export interface PageServer {
  readonly server: Server;
  readonly port: number;
  readonly origin: string;
}

/** A server of one page and, below `/src` and `/workers`, of this project's modules without their types. Its port makes its origin another. */
export async function pageServer(): Promise<PageServer> {
  const server = createServer((request, response) => {
    void answer(request.url ?? '/').then(([type, text]) => response.setHeader('content-type', type).end(text));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { server, port, origin: `http://127.0.0.1:${port}` };
}

async function answer(url: string): Promise<readonly [type: string, text: string]> {
  if (!/^\/(?:src|workers)\/[\w/-]+\.ts$/.test(url)) return ['text/html', '<!doctype html><title>app</title>'];
  return ['text/javascript', stripTypeScriptTypes(await readFile(join(ROOT, normalize(url)), 'utf8'))];
}
