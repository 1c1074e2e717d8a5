import { describe, expect, it } from 'vitest';

import { followerWith } from '../../../src/ann/access-mode.ts';
import type { Shadow } from '../../../src/index/generations/generation-state.ts';
import type { IndexManifest } from '../../../src/index/index-manifest.ts';
import type { UpsertBody } from '../../../src/contract/vectors/vectors.ts';
import type { Vectors, WrittenVectors } from '../../../src/gateway/vectors/vectors.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import { ok } from '../../../src/kernel/result.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { GenerationWorld, Killed, TENANT, vectorOfText } from '../../support/worlds/generation-world.ts';
import { repetitionOf } from '../../support/fakes/repetition-of.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { IN_FORCE } from '../../support/fakes/in-force.ts';

const CALLER = { principal: TENANT, authority: IN_FORCE, reserve: async () => ok(undefined) };
const NAME = 'moving';
const INCLUDE = { include_values: true, include_metadata: true, include_text: true, include_fields: false };

const manifestOf = (id: string, generation: number, model: string, dimensions: number): IndexManifest => ({
  id: id as IndexId,
  tenantId: TENANT.tenantId,
  name: NAME,
  dimensions,
  metric: 'dot',
  embedding: { model, contractHash: `hash-${model}` },
  owner: 'tests',
  createdS: 1,
  generation,
});

const shadowOf = (manifest: IndexManifest): Shadow => ({
  manifest,
  phase: 'opening',
  hasServed: false,
  owner: TENANT,
  feed: null,
  filled: null,
  copied: 0,
  tokens: 0,
  comparison: null,
  fault: null,
  dropsMissing: false,
});

/** Writes its own ids through one gateway, remembers what was acknowledged, and reads it back through another. */
class Client {
  readonly acknowledged = new Map<string, string>();
  readonly #random: Seeded;
  readonly #mine: string;
  reads = 0;
  /** Requests repeated to another generation than the one that answered first. */
  repeated = 0;
  readonly #answered: Answered[] = [];

  constructor(random: Seeded, mine: string) {
    this.#random = random;
    this.#mine = mine;
  }

  async act(writer: Vectors, reader: Vectors): Promise<void> {
    const id = `${this.#mine}${Math.floor(this.#random.next() * 12)}`;
    const namespace = id.endsWith('1') ? 'other' : '';
    if (this.#random.next() < 0.3) {
      const deleted = await writer.delete(CALLER, NAME, { ids: [id], namespace });
      if (deleted.ok) this.acknowledged.delete(`${namespace}/${id}`);
      else expect(deleted.error.code).toBe('index_moving');
    } else {
      const text = `text ${Math.floor(this.#random.next() * 1e6)}`;
      const body = { vectors: [{ id, text, namespace }], model: undefined };
      const key = this.#random.next() < 0.5 ? `${id} ${text}` : undefined;
      const written = await writer.write(CALLER, NAME, body, await repetitionOf(body, key));
      if (written.ok) {
        this.acknowledged.set(`${namespace}/${id}`, text);
        if (key !== undefined) this.#answered.push({ body, key, answer: answerOf(written.value) });
      } else expect(written.error.code).toBe('index_moving');
    }
    await this.#repeat(writer, this.#answered[Math.floor(this.#random.next() * 2 * this.#answered.length)]);
    const read = await reader.fetch(CALLER, NAME, { ids: [id], consistency: 'strong', namespace, ...INCLUDE });
    if (!read.ok) return expect(read.error.code).toBe('index_moving');
    this.reads += 1;
    expect(read.value.texts?.[0], `${id} as it was acknowledged`).toBe(this.acknowledged.get(`${namespace}/${id}`));
  }

  async repeatAll(writer: Vectors): Promise<void> {
    for (const known of this.#answered) await this.#repeat(writer, known);
  }

  /** Repeats a request that either generation has answered: it gets the same answer and bill, and later writes stay. */
  async #repeat(writer: Vectors, known: Answered | undefined): Promise<void> {
    if (known === undefined) return;
    const again = await writer.write(CALLER, NAME, known.body, await repetitionOf(known.body, known.key));
    if (!again.ok) return expect(again.error.code).toBe('index_moving');
    expect(answerOf(again.value)).toEqual(known.answer);
    this.repeated += Number(again.value.manifest.id !== known.answer.usageId?.split(':')[0]);
  }
}

interface Answered {
  readonly body: UpsertBody;
  readonly key: string;
  readonly answer: ReturnType<typeof answerOf>;
}

const answerOf = ({ count, lsn, usageId }: WrittenVectors) => ({ count, lsn, usageId });

/** Everything in a generation, as `namespace/id` -> text; checks that each vector is what its model makes of the text. */
function contentOf(world: GenerationWorld, manifest: IndexManifest): Map<string, string> {
  const content = new Map<string, string>();
  const { shard } = world.shardOf(manifest.id);
  for (const namespace of ['', 'other']) {
    const listed = shard.list({
      indexId: manifest.id,
      caller: followerWith(1e9),
      namespace,
      filter: null,
      start: null,
      limit: 1000,
      include: { values: true, metadata: true, text: true },
    });
    if (!listed.ok) throw new Error(listed.error.message);
    const { ids, values, texts } = listed.value;
    for (const [i, id] of ids.entries()) {
      const text = texts?.[i] ?? '';
      content.set(`${namespace}/${id}`, text);
      const { dimensions, embedding } = manifest;
      expect(Array.from(values?.subarray(i * dimensions, (i + 1) * dimensions) ?? [])).toEqual(vectorOfText(embedding?.model ?? '', text));
    }
  }
  return content;
}

const sorted = (map: ReadonlyMap<string, string>): [string, string][] => [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));

/** Lets the platform's digests complete, for which waiting in microtasks is not enough. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function history(seed: number): Promise<GenerationWorld & { reads: number; repeated: number; exchanges: number }> {
  const random = new Seeded(seed);
  const first = manifestOf('ix_first', 1, 'first', 2);
  const world = new GenerationWorld(random, first, seed % 3 === 0 ? 0.05 : 0.02);
  const gateways = Array.from({ length: 3 }, () => world.gateway());
  const clients = ['a', 'b', 'c'].map((mine) => new Client(random, mine));
  const over = { is: false };
  let exchanges = 0;
  const working = async (): Promise<void> => {
    while (!over.is) {
      // Time passes, so that gateways refresh their manifests.
      world.nowMs += 100;
      try {
        await world.worker().advance(TENANT.tenantId, NAME);
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
      }
      await turn();
    }
  };
  const clientLane = async (client: Client): Promise<void> => {
    while (!over.is) {
      await turn();
      await client.act(gateways[Math.floor(random.next() * 3)]!, gateways[Math.floor(random.next() * 3)]!);
    }
  };
  const settled = async (isSettled: () => boolean): Promise<void> => {
    for (let waits = 0; !isSettled(); waits += 1) {
      if (waits > 20_000) throw new Error(`stuck ${JSON.stringify(world.state)}`);
      await turn();
    }
  };
  const activate = async (): Promise<void> => {
    const target = world.state.shadow!.manifest.id;
    for (;;) {
      const { version } = world.state;
      const asked = world.call({ kind: 'change', version, event: { kind: 'activation', generation: target, dropsMissing: false } });
      if (asked.ok) break;
      await turn();
    }
    await settled(() => world.state.shadow?.phase === 'following');
    exchanges += Number(world.state.serving.id === target);
  };
  const operator = async (): Promise<void> => {
    for (let turns = 0; turns < 20; turns += 1) await turn();
    world.call({
      kind: 'begin',
      shadow: shadowOf(manifestOf('ix_second', 2, 'second', 3)),
      creation: { idempotencyKey: null, bodyDigest: '' },
    });
    await settled(() => world.state.shadow?.phase === 'following');
    await activate();
    await activate();
    await activate();
    await settled(() => world.state.shadow?.phase === 'following');
    over.is = true;
  };
  // A lane that fails stops the others, which would otherwise never end.
  const lane = (work: Promise<void>): Promise<void> =>
    work.finally(() => {
      over.is = true;
    });
  await Promise.all([lane(working()), lane(operator()), ...clients.map((client) => lane(clientLane(client)))]);
  for (const client of clients) await client.repeatAll(gateways[0]!);
  // The shadow catches up with the last writes; no run is killed any more.
  for (let runs = 0; runs < 20; runs += 1)
    await world
      .worker()
      .advance(TENANT.tenantId, NAME)
      .catch(() => 0);
  const acknowledged = new Map(clients.flatMap((client) => [...client.acknowledged]));
  expect(sorted(contentOf(world, world.state.serving)), `seed ${seed}: what serves`).toEqual(sorted(acknowledged));
  expect(sorted(contentOf(world, world.state.shadow!.manifest)), `seed ${seed}: what follows`).toEqual(sorted(acknowledged));
  const sum = (of: (client: Client) => number) => clients.reduce((total, client) => total + of(client), 0);
  return Object.assign(world, { reads: sum(({ reads }) => reads), repeated: sum(({ repeated }) => repeated), exchanges });
}

describe('generations of an index that is written and read all the time', () => {
  it('[B31][B32][B33][B34][B45] lose no acknowledged write and show no stale one, whenever a run is killed', async () => {
    let [kills, moved, reads, exchanges, repeated] = [0, 0, 0, 0, 0];
    const seeds = effort(20);
    for (let seed = 1; seed <= seeds; seed += 1) {
      const world = await history(seed);
      kills += world.kills;
      moved += world.moved;
      reads += world.reads;
      exchanges += world.exchanges;
      repeated += world.repeated;
    }
    expect(exchanges).toBe(3 * seeds);
    expect(kills).toBeGreaterThan(5 * seeds);
    expect(moved, 'calls that met an exchange').toBeGreaterThan(seeds);
    expect(reads).toBeGreaterThan(30 * seeds);
    expect(repeated, 'requests repeated to another generation').toBeGreaterThan(5 * seeds);
  });
});
