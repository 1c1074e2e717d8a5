import type { GenerationCall, GenerationState, Generations, Shadow } from '../src/index/generations/generation-state.ts';
import { NO_GENERATIONS } from '../src/index/generations/generation-state.ts';
import type { MadeGenerations } from '../src/index/generations/made-generation.ts';
import { isRepeated, withEnded, withMade } from '../src/index/generations/made-generation.ts';
import { transition } from '../src/index/generations/transition.ts';
import type { Creation, IndexRecord } from '../src/index/index-lifecycle.ts';
import type { IndexManifest } from '../src/index/index-manifest.ts';
import { shardName } from '../src/index/index-manifest.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import { refuse } from '../src/contract/api/outcome.ts';
import { ok } from '../src/kernel/result.ts';
import type { ObjectsEnv } from './env.ts';
import type { ReshardingEnv } from './resharding-stubs.ts';
import { IndexErasure } from './index-erasure.ts';
import { IndexPeers } from './index-peers.ts';
import type { IndexRoutes } from './index-routes.ts';

interface Stored extends GenerationState {
  /** The requests under idempotency keys that made generations. */
  readonly made?: MadeGenerations;
  /** In older stores: the request that made the present or the last shadow generation. */
  readonly creation?: Creation;
}

type CallOf<Kind extends GenerationCall['kind']> = Extract<GenerationCall, { kind: Kind }>;

/** The generations of a live index, in its object's storage next to its record, which states which one serves. */
export class IndexGenerations {
  readonly #storage: DurableObjectStorage;
  readonly #env: ReshardingEnv & Pick<ObjectsEnv, 'REGISTRY'>;
  readonly #routesOf: (manifest: IndexManifest) => IndexRoutes;

  constructor(
    storage: DurableObjectStorage,
    env: ReshardingEnv & Pick<ObjectsEnv, 'REGISTRY'>,
    routesFor: (manifest: IndexManifest) => IndexRoutes,
  ) {
    this.#storage = storage;
    this.#env = env;
    this.#routesOf = routesFor;
  }

  async answer(record: IndexRecord, call: GenerationCall): Promise<Outcome<Generations>> {
    switch (call.kind) {
      case 'read':
        return ok(this.#read(record));
      case 'begin':
        return this.#begin(record, call);
      case 'change':
        return this.#change(record, call);
      case 'open':
        return this.#open(record, call);
      case 'erase':
        return this.#erase(record);
    }
  }

  /** The shadow generation. */
  get shadow(): Shadow | undefined {
    return this.#stored().shadow ?? undefined;
  }

  #read({ manifest: serving }: IndexRecord): Generations {
    const { version, shadow } = this.#stored();
    return { version, shadow, serving };
  }

  #begin(record: IndexRecord, { shadow, creation }: CallOf<'begin'>): Outcome<Generations> {
    const known = this.#stored();
    const [made, nowMs] = [madeOf(known), Date.now()];
    const repeated = isRepeated(made, creation, nowMs);
    if (!repeated.ok) return repeated;
    if (repeated.value) return ok(this.#read(record));
    if (known.shadow !== null) {
      const { generation } = known.shadow.manifest;
      return refuse('state_conflict', `there is already a second generation, ${generation}: let it serve, or delete it first`);
    }
    const { id } = shadow.manifest;
    this.#storage.kv.put('generations', {
      version: known.version + 1,
      shadow,
      made: withMade(made, creation, id, nowMs),
    } satisfies Stored);
    return ok(this.#read(record));
  }

  async #change(record: IndexRecord, { version, event }: CallOf<'change'>): Promise<Outcome<Generations>> {
    const changed = transition(this.#read(record), version, event);
    if (!changed.ok) return changed;
    const { serving, ...state } = changed.value;
    // The registry is informed of an exchange before it counts as done.
    const listed = event.kind === 'switched' ? await this.#env.REGISTRY.getByName(serving.tenantId).replace(serving) : ok(null);
    if (!listed.ok) return listed;
    // Both writes of an exchange are one: nothing is awaited in between.
    if (serving.id !== record.manifest.id) {
      this.#routesOf(record.manifest).retireReplicas();
      this.#storage.kv.put('index', { ...record, manifest: serving } satisfies IndexRecord);
    }
    this.#storage.kv.put('generations', { ...this.#stored(), ...state } satisfies Stored);
    return changed;
  }

  async #open(record: IndexRecord, { run }: CallOf<'open'>): Promise<Outcome<Generations>> {
    const shadow = this.#stored().shadow?.manifest;
    // The shards of a grown shadow generation were closed from the beginning.
    if (shadow === undefined || !this.#routesOf(shadow).isAlone) return ok(this.#read(record));
    await new IndexPeers(this.#env, shadow).openShard(0, 0, 0);
    const closed: Outcome<null> = await this.#shard(shadow).setAccess(shadow.id, 'closed', run);
    return closed.ok ? ok(this.#read(record)) : closed;
  }

  async #erase(record: IndexRecord): Promise<Outcome<Generations>> {
    const { creation: _, ...known } = this.#stored();
    let made = madeOf(this.#stored());
    if (known.shadow !== null && known.shadow.phase !== 'erasing')
      return refuse('state_conflict', 'the generation cannot be erased in its present phase');
    if (known.shadow !== null) {
      const { manifest } = known.shadow;
      const routes = this.#routesOf(manifest);
      const parts = { manifest, objects: routes.objects, isAlone: routes.isAlone, isOpening: false };
      await new IndexErasure(this.#env, [parts], []).erase();
      routes.erase();
      made = withEnded(made, manifest.id, Date.now());
    }
    this.#storage.kv.put('generations', { ...known, version: known.version + 1, shadow: null, made } satisfies Stored);
    return ok(this.#read(record));
  }

  #stored(): Stored {
    return this.#storage.kv.get<Stored>('generations') ?? NO_GENERATIONS;
  }

  #shard(manifest: IndexManifest) {
    return this.#env.SHARD.getByName(shardName(manifest));
  }
}

const madeOf = ({ made, creation }: Stored): MadeGenerations =>
  made ?? (creation === undefined || creation.idempotencyKey === null ? [] : [{ ...creation, id: null, endedAtMs: null }]);
