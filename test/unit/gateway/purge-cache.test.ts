import { describe, expect, it } from 'vitest';

import type { PurgeCommand } from '../../../src/cache/purge-record.ts';
import type { PurgeBody } from '../../../src/contract/cache.ts';
import { refuse } from '../../../src/contract/outcome.ts';
import { CachePurger } from '../../../src/gateway/purge-cache.ts';
import type { PurgeLogs } from '../../../src/gateway/purge-logs.ts';
import { MemoryCacheWorld, principal, sha256 } from '../../support/memory-cache-world.ts';
import { Seeded } from '../../support/seeded.ts';

function purger() {
  const commands: PurgeCommand[] = [];
  const logs: Pick<PurgeLogs, 'purge'> = {
    purge: async (command) => {
      commands.push(command);
      return refuse('unavailable', 'only the command matters here');
    },
  };
  const { models } = new MemoryCacheWorld();
  const seeded = new Seeded(1);
  const rng = { bytes: (count: number) => Uint8Array.from({ length: count }, () => seeded.next() * 256) };
  const purges = new CachePurger({ logs: logs as PurgeLogs, models, sha256, rng });
  const commandFor = async (body: PurgeBody, idempotencyKey?: string, tenant = 'tn_one') => {
    await purges.purge(principal(tenant), body, idempotencyKey);
    return commands.at(-1);
  };
  return { purges, commands, commandFor };
}

describe('a purge', () => {
  it.each<[PurgeBody, object]>([
    [{ everything: true }, { kind: 'everything', contractHash: null }],
    [{ model: 'local' }, { kind: 'everything', contractHash: sha256('local') }],
    [{ text: ['a', 'b', 'a'] }, { kind: 'keys', digests: [sha256('a'), sha256('b')], contractHash: null }],
    [
      { text: ['a'], model: 'remote' },
      { kind: 'keys', digests: [sha256('a')], contractHash: sha256('remote') },
    ],
    [{ keys: [`ids:${sha256('x')}`] }, { kind: 'keys', digests: [`ids:${sha256('x')}`], contractHash: null }],
  ])('[C4] of %j selects what it names and no more', async (body, predicate) => {
    expect(await purger().commandFor(body)).toMatchObject({ tenantId: 'tn_one', predicate });
  });

  it('refuses a model that there is not, and logs nothing', async () => {
    const { purges, commands } = purger();
    expect(await purges.purge(principal('tn_one'), { model: 'gpt' }, undefined)).toMatchObject({ error: { code: 'model_not_found' } });
    expect(commands).toEqual([]);
  });

  it('[C9] has the same id for the same idempotency key, and a digest that tells bodies apart', async () => {
    const { commandFor } = purger();
    const first = await commandFor({ text: ['a'] }, 'once');
    expect(first?.purgeId).toMatch(/^pg_[0-9a-z]{26}$/);
    expect(await commandFor({ text: ['a'] }, 'once')).toEqual(first);
    const other = await commandFor({ text: ['a'], model: 'local' }, 'once');
    expect([other?.purgeId, other?.bodyDigest === first?.bodyDigest]).toEqual([first?.purgeId, false]);
    const fresh = await Promise.all([commandFor({ text: ['a'] }, 'twice'), commandFor({ text: ['a'] })]);
    expect(new Set([first?.purgeId, ...fresh.map((command) => command?.purgeId)]).size).toBe(3);
  });
});
