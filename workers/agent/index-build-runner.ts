import { readFile } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { PageMemory } from '../../src/ann/page-memory.ts';
import { encodeBuild } from '../../src/ann/training/build-artefact.ts';
import { TrainKernels } from '../../src/ann/training/train-kernels.ts';
import type { TrainingOptions } from '../../src/ann/training/training-state.ts';
import { Training, trainingBytes } from '../../src/ann/training/training.ts';
import { POOL_LIMITS } from '../../src/contract/pools/pool-limits.ts';
import type { AttemptScope, RunEnd, RunFailure } from './job-runner.ts';
import { failed } from './job-runner.ts';
import { Refused } from './pool-client.ts';

type Scope = AttemptScope<'index_build'>;

const WASM = new URL('../../src/ann/wasm/train.wasm', import.meta.url);

/** The shared sources are typed for a platform that compiles no modules. */
const { Module } = WebAssembly as unknown as { readonly Module: new (bytes: Uint8Array) => WebAssembly.Module };

/** How long it trains before heartbeats get their turn. */
const TURN_MS = 50;

/** Trains the lists of a shard by the code and on the sample that the shard itself would, and gives them to it. [J215] */
export async function runIndexBuild(scope: Scope): Promise<RunEnd> {
  const { build, onProgress } = scope;
  onProgress({ completed: 0, failed: 0, total: 1 });
  try {
    const plan = await build.begin();
    const options: TrainingOptions = {
      metric: plan.metric,
      dimensions: plan.dimensions,
      listCount: plan.lists,
      seed: plan.seed,
      hasLowPlane: plan.low_plane,
      subspaceDimensions: plan.subspace_dimensions,
    };
    const sample = await build.sample();
    if (sample.length === 0) return failed('index_changed', 'the vectors to train on are gone');
    await build.commit(encodeBuild(await train(options, sample, scope)));
  } catch (error) {
    return refusedAs(error);
  }
  return { kind: 'done', progress: { completed: 1, failed: 0, total: 1 }, tokens: 0, outputs: [] };
}

/** Why the shard takes no build. Throws what is no refusal of it. */
function refusedAs(error: unknown): RunFailure {
  if (error instanceof Refused && error.code === 'invalid_value') return failed('input_invalid', error.message);
  if (error instanceof Refused && CHANGED.has(error.code)) return failed('index_changed', error.message);
  throw error;
}

const CHANGED: ReadonlySet<string> = new Set(['state_conflict', 'index_not_found']);

async function train(options: TrainingOptions, sample: Float32Array, { build, signal }: Scope): Promise<ReturnType<Training['result']>> {
  const kernels = new TrainKernels(new Module(await readFile(WASM)), new PageMemory(trainingBytes(options)));
  const training = Training.start(kernels, options, sample);
  try {
    let [turnAtMs, renewAtMs] = [performance.now(), performance.now() + POOL_LIMITS.buildRenewMs];
    while (!training.step()) {
      const nowMs = performance.now();
      if (nowMs < turnAtMs + TURN_MS) continue;
      await turn();
      signal.throwIfAborted();
      turnAtMs = performance.now();
      if (turnAtMs < renewAtMs) continue;
      await build.begin();
      renewAtMs = performance.now() + POOL_LIMITS.buildRenewMs;
    }
    return training.result();
  } finally {
    training.free();
  }
}
