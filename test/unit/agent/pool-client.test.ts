import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect, it } from 'vitest';

import type { ErrorCode } from '../../../src/contract/api/errors.ts';
import { ERRORS } from '../../../src/contract/api/errors.ts';
import { PoolClient, Refused } from '../../../workers/agent/pool-client.ts';

/** What an agent makes of a refusal: final, or to be tried again. */
async function madeOf(code: ErrorCode): Promise<'final' | 'again'> {
  const server = createServer((_, response) => {
    response.writeHead(ERRORS[code].status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: { message: 'no', type: 'x', param: null, code }, request_id: 'req_1' }));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new PoolClient({ url, poolId: 'pool_1', token: 'pt_1', cacheSocket: undefined });
  const error: unknown = await client
    .complete({ attempt: 'att_1', fence: 1 }, { progress: { completed: 0, failed: 0, total: 0 }, tokens: 0, outputs: [] })
    .catch((reason: unknown) => reason);
  server.close();
  server.closeAllConnections();
  return error instanceof Refused ? 'final' : 'again';
}

it.each(['request_timeout', 'rate_limit_exceeded', 'unavailable', 'overloaded', 'internal_error'] as const)(
  '[P15] an agent repeats a call that was answered %s',
  async (code) => expect(await madeOf(code)).toBe('again'),
);

it.each(['stale_fence', 'state_conflict', 'invalid_value', 'payload_too_large', 'invalid_api_key'] as const)(
  '[P15] an agent takes %s for the last word',
  async (code) => expect(await madeOf(code)).toBe('final'),
);
