import type { NodeWeights } from '../../src/contract/pools/pool-exchange.ts';
import { JOB_LIMITS } from '../../src/contract/jobs/job-limits.ts';
import { POOL_LIMITS } from '../../src/contract/pools/pool-limits.ts';
import { nameWithoutVersion } from '../../src/contract/api/model-name.ts';
import type { Outcome } from '../../src/contract/api/outcome.ts';
import { refuse } from '../../src/contract/api/outcome.ts';
import type { ModelFiles } from '../../src/inference/model-manifest.ts';
import { findVersion, readModelFile, parseModelCatalogue } from '../../src/inference/model-manifest.ts';
import type { ModelRef } from '../../src/inference/served-manifest.ts';
import { ok } from '../../src/kernel/result.ts';
import type { ResidentWeights } from '../../src/scheduler/engine/cell/resident-weights.ts';
import { weightsToUnload, withoutUnloaded, withoutUser, withUser } from '../../src/scheduler/engine/cell/resident-weights.ts';
import type { LineAnswerer } from './answer-line.ts';
import type { AttemptModel } from './attempt-model.ts';
import { ModelThreads } from './model-threads.ts';
import { RegisteredThreads } from './registered-threads.ts';

interface GatewayModelsOptions {
  readonly files: ModelFiles;
  /** Where agents of this machine share what they computed. */
  readonly cacheSocket?: string | undefined;
  /** What there is for weights, those in use counted in. A single model that is larger stays for as long as it is in use. */
  readonly weightsMaxMib?: number;
  /** Monotonic milliseconds. */
  readonly nowMs?: () => number;
}

/** A model that an attempt works with, until it is released. */
interface ModelInUse {
  readonly answerer: LineAnswerer;
  release(): Promise<void>;
}

type Threads = ModelThreads | RegisteredThreads;

type Loaded = Outcome<{ readonly threads: Threads; readonly memoryMib: number; readonly loadMs: number }>;

/** A model with its key: the name in jobs, and what identifies its content, since another tenant or version may have another model of that name. */
interface Wanted {
  readonly key: string;
  readonly load: () => Promise<Outcome<Threads>>;
}

const BYTES_PER_MIB = 1_048_576;
/** Occurs in no name of a model. */
const KEY_MARK = ' ';
const idOf = (key: string): string => key.split(KEY_MARK, 1)[0] ?? key;

/**
 * The gateway's models and the registered ones of attempts, downloaded when first needed and checked against their manifests. They stay, with their threads, within what there is
 * for weights. The scheduler decides which of them leave; where its order comes later than the model that needs the room, the same function
 * decides here. [P110]
 */
export class GatewayModels {
  readonly #options: GatewayModelsOptions;
  readonly #maxMib: number;
  readonly #nowMs: () => number;
  /** By key: being loaded, or there. */
  readonly #loaded = new Map<string, Promise<Loaded>>();
  readonly #threads = new Map<string, Threads>();
  /** Each `model` is a key. */
  #resident: readonly ResidentWeights[] = [];

  constructor(options: GatewayModelsOptions) {
    this.#options = options;
    this.#maxMib = options.weightsMaxMib ?? POOL_LIMITS.agentWeightsMibDefault;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /**
   * Refuses with `model_not_found`, with `unavailable` when the files cannot be read or are not what the manifest says, and as the checks of
   * registered models do. `attempt`: whose registered model it is, where the gateway itself has none of that name.
   */
  async use(id: string, attempt?: Pick<AttemptModel, 'find' | 'download'>): Promise<Outcome<ModelInUse>> {
    if (attempt === undefined || this.#loaded.has(id)) return this.#use(this.#deployed(id));
    const ref = await attempt.find();
    if (ref === undefined) return this.#use(this.#deployed(id));
    return this.#use('deployed' in ref ? this.#deployed(ref.deployed, id) : this.#registered(id, ref, attempt));
  }

  async #use(wanted: Wanted): Promise<Outcome<ModelInUse>> {
    const id = wanted.key;
    const loading = this.#loaded.get(id) ?? this.#load(wanted);
    this.#loaded.set(id, loading);
    const loaded = await loading.catch((error: unknown) => {
      if (this.#loaded.get(id) === loading) this.#loaded.delete(id);
      throw error;
    });
    // It was unloaded while this waited for it.
    if (this.#loaded.get(id) !== loading) return this.#use(wanted);
    if (!loaded.ok) {
      this.#loaded.delete(id);
      return loaded;
    }
    const { threads, memoryMib, loadMs } = loaded.value;
    this.#threads.set(id, threads);
    this.#resident = withUser(this.#resident, { model: id, memoryMib, loadMs });
    await this.#makeRoom();
    let isReleased = false;
    const release = async (): Promise<void> => {
      if (isReleased) return;
      isReleased = true;
      this.#resident = withoutUser(this.#resident, id);
      await this.#makeRoom();
    };
    return ok({ answerer: threads, release });
  }

  /** What is here, as measured. */
  held(): readonly NodeWeights[] {
    const held = new Map<string, NodeWeights>();
    for (const { model: key, memoryMib, loadMs, users } of this.#resident) {
      const model = idOf(key);
      const other = held.get(model);
      held.set(model, {
        model,
        memoryMib: memoryMib + (other?.memoryMib ?? 0),
        loadMs: Math.max(loadMs, other?.loadMs ?? 0),
        inUse: users > 0 || other?.inUse === true,
      });
    }
    return [...held.values()];
  }

  /** Forgets models, but for those in use. */
  async unload(models: readonly string[]): Promise<void> {
    await this.#drop(this.#resident.filter(({ model, users }) => users === 0 && models.includes(idOf(model))));
  }

  /** Ends the threads of all models. */
  async close(): Promise<void> {
    await this.#drop(this.#resident);
  }

  /** The scheduler's order to unload may come later than the model that needs the room. */
  async #makeRoom(): Promise<void> {
    const [idleMib, usedMib] = [0, 1].map((used) =>
      this.#resident.reduce((sum, { users, memoryMib }) => sum + (Math.min(users, 1) === used ? memoryMib : 0), 0),
    ) as [number, number];
    await this.#drop(weightsToUnload(this.#resident, Math.max(0, this.#maxMib - usedMib), idleMib) ?? []);
  }

  async #drop(unloaded: readonly ResidentWeights[]): Promise<void> {
    if (unloaded.length === 0) return;
    this.#resident = withoutUnloaded(this.#resident, unloaded);
    const threads = unloaded.flatMap(({ model }) => this.#threads.get(model) ?? []);
    for (const { model } of unloaded) {
      this.#loaded.delete(model);
      this.#threads.delete(model);
    }
    await Promise.all(threads.map((one) => one.stop()));
  }

  /** `name`: what the job calls it, an alias perhaps. */
  #deployed(id: string, name = id): Wanted {
    return { key: name === id ? id : `${name}${KEY_MARK}${id}`, load: () => this.#loadDeployed(id, name) };
  }

  #registered(id: string, ref: ModelRef, attempt: Pick<AttemptModel, 'download'>): Wanted {
    const memoryMaxBytes = this.#maxMib * BYTES_PER_MIB * MODEL_SHARE;
    return {
      key: `${id}${KEY_MARK}${ref.manifest.contractHash}`,
      load: async () => {
        const folder = await attempt.download(ref);
        return folder.ok ? RegisteredThreads.start(id, ref, folder.value, { memoryMaxBytes }) : folder;
      },
    };
  }

  async #loadDeployed(id: string, name: string): Promise<Outcome<Threads>> {
    const { files, cacheSocket } = this.#options;
    const catalogue = await files.read(`${nameWithoutVersion(id)}/manifest.json`);
    if (catalogue === undefined) return refuse('model_not_found', `the gateway has no model ${id}`);
    const manifest = findVersion(parseModelCatalogue(JSON.parse(new TextDecoder().decode(catalogue))), id);
    if (manifest?.runner !== 'static') return refuse('model_not_found', `this agent cannot run ${id}`);
    const bytes = await readModelFile(files, manifest);
    return bytes.ok ? ModelThreads.start(manifest, bytes.value, { name, cacheSocket }) : bytes;
  }

  async #load({ load }: Wanted): Promise<Loaded> {
    const beganMs = this.#nowMs();
    const threads = await load();
    if (!threads.ok) return threads;
    const memoryMib = Math.ceil(threads.value.memoryBytes / BYTES_PER_MIB);
    return ok({ threads: threads.value, memoryMib, loadMs: Math.min(JOB_LIMITS.weightsLoadMsMax, Math.ceil(this.#nowMs() - beganMs)) });
  }
}

/** Of what there is for weights, all threads of one model: two large ones have room beside each other. */
const MODEL_SHARE = 1 / 2;

/** The models that a gateway serves under `/models/`. */
export const gatewayFiles = (url: string): ModelFiles => ({
  async read(path) {
    const response = await fetch(`${url}/models/${path}`);
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
    await response.body?.cancel();
    // Not gone, only not well: worth another try.
    if (response.status >= 500) throw new Error(`the gateway answered ${response.status} for ${path}`);
    return undefined;
  },
});
