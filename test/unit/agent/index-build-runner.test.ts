import { beforeEach, describe, expect, it } from 'vitest';

import { CorruptList } from '../../../src/ann/lists/integrity.ts';
import { PAGE_BYTES } from '../../../src/ann/page-memory.ts';
import { encodeBuild, decodeBuild } from '../../../src/ann/training/build-artefact.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { AttemptBuild } from '../../../workers/agent/attempt-build.ts';
import { runIndexBuild } from '../../../workers/agent/index-build-runner.ts';
import type { AttemptScope, RunEnd } from '../../../workers/agent/job-runner.ts';
import { Refused } from '../../../workers/agent/pool-client.ts';
import { Clusters } from '../../support/fixtures/clusters.ts';
import type { WorldVector } from '../../support/worlds/shard-world.ts';
import { ShardWorld, smallFloor } from '../../support/worlds/shard-world.ts';

const DIMENSIONS = 12;

let serial = 0;
let source: Clusters;
const vectors = (count: number): WorldVector[] =>
  Array.from({ length: count }, () => ({ namespace: '', id: `v${(serial += 1)}`, values: source.next(), n: 0 }));

beforeEach(() => {
  serial = 0;
  source = new Clusters({ dimensions: DIMENSIONS, count: 10, spread: 0.5, seed: 7 });
});

function shardWith(some: readonly WorldVector[]): ShardWorld {
  const world = new ShardWorld(smallFloor(64 * PAGE_BYTES), { metric: 'cosine', dimensions: DIMENSIONS });
  world.upsert(some);
  return world;
}

const shardOf = (count: number): ShardWorld => shardWith(vectors(count));

/** What the gateway does for the attempt. */
function accepted<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value;
  const { code, message } = outcome.error;
  throw new Refused({ error: { code, message, type: '', param: null }, request_id: 'req' });
}

/** Builds the lists of a shard as an attempt does; `between`: what happens once it has its sample. */
function build(world: ShardWorld, builder = 'att_x_1', between: () => void = () => undefined): Promise<RunEnd> {
  const call = { indexId: world.identity.indexId, builder };
  const attempt: Pick<AttemptBuild, 'begin' | 'sample' | 'commit'> = {
    begin: async () => {
      const { options, vectors: count, sample } = accepted(world.shard.beginBuild(call, world.nowMs));
      const { metric, dimensions, listCount: lists, seed, hasLowPlane, subspaceDimensions } = options;
      return { metric, dimensions, lists, seed, low_plane: hasLowPlane, subspace_dimensions: subspaceDimensions, vectors: count, sample };
    },
    sample: async () => {
      const parts: number[] = [];
      for (let from: number | null = 0; from !== null;) {
        const part: { values: Float32Array; next: number | null } = accepted(world.shard.readBuild({ ...call, from }, world.nowMs));
        parts.push(...part.values);
        from = part.next;
      }
      between();
      return Float32Array.from(parts);
    },
    commit: async (artefact) => void accepted(world.shard.commitBuild({ ...call, artefact })),
  };
  const scope = { build: attempt, signal: new AbortController().signal, onProgress: () => undefined };
  return runIndexBuild(scope as unknown as AttemptScope<'index_build'>);
}

const modelOf = ({ store }: ShardWorld) => store.lists.listSets().map(({ id, model }) => [id, Buffer.from(model).toString('hex')]);
const DONE = { kind: 'done', progress: { completed: 1 } };

describe('[J215] [V210] lists that are built on an agent', () => {
  it('are those that the shard itself would train, to the bit, and found in as well', async () => {
    const same = vectors(600);
    const [edge, built] = [shardWith(same), shardWith(same)];
    expect(await build(built)).toMatchObject(DONE);
    edge.settle();
    expect(modelOf(built)).toEqual(modelOf(edge));
    built.settle();
    expect(modelOf(built)).toEqual(modelOf(edge));
    const queries = Array.from({ length: 40 }, () => ({ values: source.next(), topK: 10 }));
    expect(built.recall(queries)).toBe(edge.recall(queries));
    expect(built.query(queries[0]!).explanation?.engine).toBe('lists');
  });

  it('are waited for: the shard answers, writes, and does not train meanwhile, unless the builder falls silent', async () => {
    const world = shardOf(300);
    const done = build(world, 'att_x_1', () => {
      world.sweep();
      expect(world.store.lists.listSets()).toEqual([]);
      world.upsert(vectors(5));
      world.expectExact({ values: source.next(), topK: 5 });
      world.restart();
    });
    expect(await done).toMatchObject(DONE);
    const silent = shardOf(300);
    const call = { indexId: silent.identity.indexId, builder: 'att_x_1' };
    expect(silent.shard.beginBuild(call, silent.nowMs).ok).toBe(true);
    silent.nowMs += INDEX_LIMITS.buildHoldMs;
    silent.settle();
    expect(silent.store.lists.listSets()).toHaveLength(1);
    expect(silent.shard.commitBuild({ ...call, artefact: new Uint8Array() })).toMatchObject({ error: { code: 'state_conflict' } });
  });

  it('are not taken once the lists are others, another attempt builds, or all vectors were deleted', async () => {
    const world = shardOf(300);
    const other = build(world, 'att_x_1', () => {
      expect(world.shard.beginBuild({ indexId: world.identity.indexId, builder: 'att_x_2' }, world.nowMs).ok).toBe(true);
    });
    expect(await other).toMatchObject({ kind: 'failed', reason: 'index_changed' });
    expect(await build(world, 'att_x_2', () => world.deleteAll())).toMatchObject({ kind: 'failed', reason: 'index_changed' });
    expect(world.store.lists.listSets()).toEqual([]);
  });

  it('replace those that there are, which answer until all rows are in the new ones', async () => {
    const world = shardOf(300);
    world.settle();
    const ids = () => world.store.lists.listSets().map(({ id }) => id);
    const before = ids();
    expect(await build(world)).toMatchObject(DONE);
    const [old, fresh] = ids();
    expect([[old], fresh! > old!]).toEqual([before, true]);
    world.expectExact({ values: source.next(), topK: 9 });
    world.settle();
    expect(ids()).toEqual([fresh]);
  });

  it('are not begun for a shard with too few vectors, and only whole artefacts of the plan are taken', async () => {
    expect(await build(shardOf(50))).toMatchObject({ kind: 'failed', reason: 'input_invalid' });
    const world = shardOf(300);
    const call = { indexId: world.identity.indexId, builder: 'att_x_1' };
    world.shard.beginBuild(call, world.nowMs);
    const other = shardOf(600);
    await build(other);
    const [{ model } = { model: new Uint8Array() }] = other.store.lists.listSets();
    for (const artefact of [new Uint8Array(3), model]) {
      expect(world.shard.commitBuild({ ...call, artefact })).toMatchObject({ error: { code: 'invalid_value' } });
    }
    expect(world.store.lists.listSets()).toEqual([]);
  });
});

it('[V210] an artefact arrives as it was sent, and one that was damaged does not', async () => {
  const world = shardOf(300);
  let sent = new Uint8Array();
  const commit = world.shard.commitBuild.bind(world.shard);
  world.shard.commitBuild = (call) => {
    sent = call.artefact.slice();
    return commit(call);
  };
  await build(world);
  expect(encodeBuild(decodeBuild(sent))).toEqual(sent);
  for (const at of [0, 5, 9, 13, 40, sent.length - 1]) {
    const damaged = sent.slice();
    damaged[at]! ^= 1;
    expect(() => decodeBuild(damaged)).toThrow(CorruptList);
  }
});
