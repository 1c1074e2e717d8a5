import { describe, expect, it } from 'vitest';
import type { IndexManifest } from '../../../../../src/index/index-manifest.ts';
import type { ShardList, ShardNamespaces } from '../../../../../src/ann/shard-protocol.ts';
import type { Refusal } from '../../../../../src/contract/api/errors.ts';
import { BulkTokens } from '../../../../../src/gateway/vectors/bulk/bulk-tokens.ts';
import { Exports } from '../../../../../src/gateway/vectors/bulk/exports.ts';
import { ManifestCache } from '../../../../../src/gateway/indexes/manifest-cache.ts';
import { Hmac } from '../../../../../src/kernel/hmac.ts';
import type { IndexId } from '../../../../../src/kernel/ids.ts';
import { refuse } from '../../../../../src/contract/api/outcome.ts';
import { err, ok } from '../../../../../src/kernel/result.ts';
import { principal } from '../../../../support/worlds/memory-cache-world.ts';
import { IN_FORCE } from '../../../../support/fakes/in-force.ts';
import { indexShards } from '../../../../support/fakes/index-shards.ts';
import { servedRows } from '../../../../support/fakes/served-rows.ts';
import { Ending } from '../../../../support/fakes/ending.ts';

const tenant = principal('tn_one');
const QUERY = { include_values: true, include_metadata: true, include_text: true, include_fields: false };

/** Namespaces `n0`, `n1` and so on with given numbers of vectors; pages of at most three, some empty, as with several shards. */
class World {
  readonly lists: ShardList[] = [];
  readonly refusals: Refusal[] = [];
  /** Called where no page comes. */
  hangs: (() => void) | undefined;
  /** Of the index; ids of rows that follow the others in each namespace. */
  documents: readonly string[] = [];
  chunks: readonly string[] = [];
  pauses = (): Promise<void> => Promise.resolve();
  manifest: IndexManifest = {
    id: 'ix_1' as IndexId,
    tenantId: tenant.tenantId,
    name: 'bulk',
    dimensions: 2,
    metric: 'dot',
    embedding: null,
    owner: 'search',
    createdS: 1,
    generation: 1,
  };
  readonly exports: Exports;

  constructor(counts: readonly number[], fits = 3) {
    const names = counts.map((_, i) => `n${i}`);
    const directory = { describe: async () => ok(this.manifest) } as unknown as ConstructorParameters<typeof ManifestCache>[0];
    let now = 0;
    this.exports = new Exports({
      served: servedRows({ owners: async (_, ids) => ok(this.documents.filter((name) => ids.some((id) => id.startsWith(`${name}#`)))) }),
      // Each access finds the cached manifest expired.
      manifests: new ManifestCache(directory, { nowMs: () => (now += 10_000) }),
      tokens: new BulkTokens(new Hmac('a secret')),
      sleep: () => this.pauses(),
      shards: indexShards({
        namespaces: async (_: unknown, { after, limit }: ShardNamespaces) => {
          const behind = names.filter((name) => after === null || name > after);
          const page = behind.slice(0, Math.min(limit, 2));
          return ok({ names: page, hasMore: behind.length > page.length, lsn: 7 });
        },
        list: async (_: unknown, list: ShardList) => {
          this.lists.push(list);
          if (this.hangs !== undefined) {
            this.hangs();
            return new Promise(() => undefined);
          }
          const refusal = this.refusals.shift();
          if (refusal !== undefined) return err(refusal);
          if (list.limit > fits) return err({ code: 'limit_exceeded', message: 'too large' });
          const own = Array.from({ length: counts[names.indexOf(list.namespace)] ?? 0 }, (__, i) => `v${i}`);
          const ids = [...own, ...this.chunks];
          const behind = ids.filter((id) => list.start === null || id > list.start.id || (list.start.isIncluded && id === list.start.id));
          const page = behind.slice(0, list.limit);
          const next = behind.length > page.length ? (page.at(-1) ?? null) : null;
          const values = Float32Array.from(page.flatMap((id) => [Number(id.slice(1)) || 0, 0.5]));
          return ok({
            ids: page,
            values,
            metadata: page.map(() => '{"big":12345678901234567890}'),
            texts: page.map(() => null),
            next,
            lsn: 7,
          });
        },
      }),
    });
  }

  async run(token?: string): Promise<string[]> {
    const opened = await this.exports.open({ principal: tenant, authority: IN_FORCE }, 'bulk', { ...QUERY, token });
    if (!opened.ok) throw new Error(opened.error.code);
    return (await Array.fromAsync(opened.value)).join('').trimEnd().split('\n');
  }
}

const keysIn = (lines: readonly string[]): string[] =>
  lines.filter((line) => !line.startsWith('{"export"')).map((line) => `${JSON.parse(line).namespace}/${JSON.parse(line).id}`);
const toldIn = (lines: readonly string[]) =>
  lines
    .filter((line) => line.startsWith('{"export"'))
    .map((line) => JSON.parse(line).export as { status: string; token: string; vectors: number });

describe('an export', () => {
  it('[B10] sends every namespace completely, and metadata as stored', async () => {
    const lines = await new World([3, 0, 7, 1, 5]).run();
    expect(keysIn(lines)).toEqual([3, 0, 7, 1, 5].flatMap((count, n) => Array.from({ length: count }, (_, i) => `n${n}/v${i}`)));
    expect(lines[1]).toBe('{"id":"v1","namespace":"n0","values":[1,0.5],"metadata":{"big":12345678901234567890}}');
    expect(toldIn(lines).at(-1)).toMatchObject({ status: 'done', vectors: 16, lsn: 7 });
  });

  it('[B8][B11] continues from each of its tokens with exactly the lines that followed', async () => {
    const whole = await new World([9, 30, 4]).run();
    const all = keysIn(whole);
    for (let tells = 0; tells < 20; tells += 1) {
      const world = new World([9, 30, 4]);

      const opened = await world.exports.open({ principal: tenant, authority: IN_FORCE }, 'bulk', { ...QUERY, token: undefined });
      if (!opened.ok) throw new Error('refused');
      const lines: string[] = [];
      for (let chunk = 0; chunk <= tells; chunk += 1) {
        const { value, done } = await opened.value.next();
        if (done !== true) lines.push(...value.trimEnd().split('\n'));
      }
      world.refusals.push({ code: 'internal_error', message: 'broken' });
      for await (const rest of opened.value) lines.push(...rest.trimEnd().split('\n'));
      const told = toldIn(lines).at(-1);
      const [before, after] = [keysIn(lines), keysIn(await new World([9, 30, 4]).run(told?.token))];
      expect([...before, ...after]).toEqual(told?.status === 'done' ? [...all, ...after] : all);
    }
  });

  it('requests fewer vectors at a time when they are large, and at least one', async () => {
    const world = new World([5], 1);
    expect(keysIn(await world.run())).toHaveLength(5);
    expect(world.lists.at(-1)?.limit).toBe(1);
    const hopeless = new World([5], 0);
    expect(toldIn(await hopeless.run())).toMatchObject([{ status: 'stopped', error: { code: 'limit_exceeded' } }]);
  });

  it('[DC99] leaves out what holds documents, not what only has such an id', async () => {
    const chunkOf = (document: string, at: number) => `${document}#${String(at).repeat(32)}.1`;
    const world = new World([2]);
    world.documents = ['w'];
    world.chunks = [chunkOf('w', 1), chunkOf('w', 2), chunkOf('x', 3), 'y'];
    const lines = await world.run();
    expect(keysIn(lines)).toEqual(['v0', 'v1', chunkOf('x', 3), 'y'].map((id) => `n0/${id}`));
    expect(toldIn(lines).at(-1)).toMatchObject({ status: 'done', vectors: 4 });
  });

  it('[B6] retries temporary refusals', async () => {
    const world = new World([5]);
    world.refusals.push({ code: 'unavailable', message: 'busy' }, { code: 'unavailable', message: 'busy' });
    expect(keysIn(await world.run())).toHaveLength(5);
  });

  it('[B11] stops when another generation serves, and accepts no token of another one', async () => {
    const world = new World([50, 50]);
    const opened = await world.exports.open({ principal: tenant, authority: IN_FORCE }, 'bulk', { ...QUERY, token: undefined });
    if (!opened.ok) throw new Error('refused');
    await opened.value.next();
    world.manifest = { ...world.manifest, id: 'ix_2' as IndexId };
    const rest = (await Array.fromAsync(opened.value)).join('').trimEnd().split('\n');
    const [told] = toldIn(rest);
    expect(told).toMatchObject({ status: 'stopped', error: { code: 'state_conflict' } });
    await expect(world.run(told?.token)).rejects.toThrow('state_conflict');
  });
});

it('[T57] ends with a typed error when its key is revoked, and sends nothing afterwards', async () => {
  const world = new World([9]);
  let isInForce = true;
  const authority = { lease: async () => (isInForce ? IN_FORCE.lease() : refuse('invalid_api_key', 'the API key is not valid')) };
  const opened = await world.exports.open({ principal: tenant, authority }, 'bulk', { ...QUERY, token: undefined });
  if (!opened.ok) throw new Error('refused');
  const first = await opened.value.next();
  isInForce = false;
  const lines = [first.value ?? '', ...(await Array.fromAsync(opened.value))].join('').trimEnd().split('\n');
  expect(keysIn(lines)).toEqual(['n0/v0', 'n0/v1']);
  expect(toldIn(lines)).toMatchObject([{ status: 'stopped', vectors: 2, error: { code: 'invalid_api_key' } }]);
});

describe('[T57] [T121] an export whose right ends', () => {
  const lastOf = async (world: World, end: Ending) => {
    const opened = await world.exports.open({ principal: tenant, authority: end }, 'bulk', { ...QUERY, token: undefined });
    if (!opened.ok) throw new Error(opened.error.code);
    const lines = (await Array.fromAsync(opened.value)).join('').trimEnd().split('\n');
    return JSON.parse(lines.at(-1)!) as object;
  };
  const stopped = { export: { status: 'stopped', error: { code: 'invalid_api_key' }, token: expect.any(String) } };

  it('stops in the middle of a page that does not come, with a token', async () => {
    const world = new World([5]);
    const end = new Ending();
    world.hangs = () => end.revoke();
    expect(await lastOf(world, end)).toMatchObject(stopped);
  });

  it('stops in the pause before it tries again, and tries no more', async () => {
    const world = new World([5]);
    const end = new Ending();
    world.refusals.push({ code: 'unavailable', message: 'later' });
    world.pauses = () => {
      end.revoke();
      return new Promise(() => undefined);
    };
    expect(await lastOf(world, end)).toMatchObject(stopped);
    expect(world.lists).toHaveLength(1);
  });
});
