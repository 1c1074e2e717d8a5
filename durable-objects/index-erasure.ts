import type { Erasure } from '../src/index/erasure.ts';
import type { Addressed } from '../src/ann/access-mode.ts';
import { followerWith } from '../src/ann/access-mode.ts';
import type { IndexManifest } from '../src/index/index-manifest.ts';
import { locatorName, shardName, replicaName } from '../src/index/index-manifest.ts';
import type { KeptReplica } from '../src/index/replicas/index-replicas.ts';
import type { IndexObjects } from '../src/index/resharding/index-resharding.ts';
import type { ShardStats } from '../src/ann/shard-protocol.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import type { IndexId } from '../src/kernel/ids.ts';
import type { ReshardingEnv } from './resharding-stubs.ts';
import type { LocatorCounts } from './locator-identity.ts';

type Env = Pick<ReshardingEnv, 'SHARD' | 'LOCATOR' | 'REPLICA'>;

/** A generation of an index and what it may consist of. */
export interface GenerationParts {
  readonly manifest: IndexManifest;
  readonly objects: IndexObjects;
  /** Whether its first shard has every vector: its locators may not know all of them yet. */
  readonly isAlone: boolean;
  /** Whether it is still to be opened, so that none of its objects need be there. */
  readonly isOpening: boolean;
}

/** An object by its name, and the generation it is of. */
interface Part {
  readonly name: string;
  readonly indexId: IndexId;
  /** Whether it was opened for certain. */
  readonly isOpened: boolean;
}

/** Every object that may hold something of an index: counted, and erased. */
export class IndexErasure {
  readonly #env: Env;
  readonly #serving: IndexManifest;
  readonly #isAlone: boolean;
  readonly #generations: readonly GenerationParts[];
  readonly #locators: readonly Part[];
  readonly #shards: readonly Part[];
  readonly #replicas: readonly Part[];

  /** The generation that serves first. */
  constructor(env: Env, generations: readonly [GenerationParts, ...GenerationParts[]], replicas: readonly KeptReplica[]) {
    const [{ manifest: serving, isAlone }] = generations;
    const { tenantId } = serving;
    this.#env = env;
    this.#isAlone = isAlone;
    this.#serving = serving;
    this.#generations = generations;
    const partsOf = (kind: 'shards' | 'locators', nameOf: (manifest: IndexManifest, ordinal: number) => string): Part[] =>
      generations.flatMap(({ manifest, objects, isOpening }) =>
        objects[kind].map((ordinal) => ({
          name: nameOf(manifest, ordinal),
          indexId: manifest.id,
          isOpened: !isOpening && (kind === 'locators' || objects.opened.includes(ordinal)),
        })),
      );
    this.#locators = partsOf('locators', locatorName);
    this.#shards = partsOf('shards', shardName);
    this.#replicas = replicas.map(({ indexId, shard, replica }) => ({
      name: replicaName(shardName({ tenantId, id: indexId }, shard), replica),
      indexId,
      isOpened: false,
    }));
  }

  async count(nowMs: number): Promise<Erasure> {
    const { id, tenantId, name } = this.#serving;
    const stats: Outcome<ShardStats>[] = await Promise.all(
      this.#shards.map((part) => this.#env.SHARD.getByName(part.name).stats(readerOf(part))),
    );
    const counts: Outcome<LocatorCounts>[] = await Promise.all(
      this.#locators.map((part) => this.#env.LOCATOR.getByName(part.name).counts(readerOf(part))),
    );
    // A shard that was never opened holds nothing; one that was opened and has no record of it has lost its storage. [G41]
    const held = stats.map((answer) => (answer.ok ? answer.value : { count: 0, storageBytes: 0 }));
    const lost = [...lostOf(this.#shards, stats), ...lostOf(this.#locators, counts)];
    const ids = this.#isAlone ? [] : counts.filter((_, at) => this.#locators[at]?.indexId === id);
    return {
      id,
      tenantId,
      name,
      indexIds: this.#generations.map(({ manifest }) => manifest.id),
      shards: namesOf(this.#shards),
      ...(this.#locators.length === 0 ? {} : { locators: namesOf(this.#locators) }),
      ...(this.#replicas.length === 0 ? {} : { replicas: namesOf(this.#replicas) }),
      ...(lost.length === 0 ? {} : { lost: namesOf(lost) }),
      // With several shards, the locators have each id once.
      vectors: ids.length === 0 ? (held[0]?.count ?? 0) : ids.reduce((sum, known) => sum + (known.ok ? known.value.ids : 0), 0),
      bytes: held.reduce((sum, { storageBytes }) => sum + storageBytes, 0),
      erasedAtMs: nowMs,
    };
  }

  /** Repeating it changes nothing. Objects that write to others go first. */
  async erase(): Promise<void> {
    await Promise.all(this.#locators.map(({ name }) => this.#env.LOCATOR.getByName(name).erase()));
    await Promise.all(this.#shards.map(({ name, indexId }) => this.#env.SHARD.getByName(name).erase(indexId)));
    await Promise.all(this.#replicas.map(({ name, indexId }) => this.#env.REPLICA.getByName(name).erase(indexId)));
  }
}

/** Whatever the access mode of the object: a follower may always read. */
const readerOf = ({ indexId }: Part): Addressed => ({ indexId, caller: followerWith(0) });

const lostOf = (parts: readonly Part[], answers: readonly Outcome<unknown>[]): Part[] =>
  parts.filter(({ isOpened }, at) => isOpened && answers[at]?.ok === false);

const namesOf = (parts: readonly Part[]): string[] => parts.map(({ name }) => name);
