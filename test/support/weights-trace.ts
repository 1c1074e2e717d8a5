import type { ModelWeights } from '../../src/scheduler/model/model-weights.ts';
import type { ResidentWeights } from '../../src/scheduler/weights/resident-weights.ts';
import { withoutUnloaded, withoutUser, withUser } from '../../src/scheduler/weights/resident-weights.ts';
import { weightsToUnload } from '../../src/scheduler/weights/weights-to-unload.ts';
import { Seeded } from '../../src/kernel/seeded.ts';

const GIB_MIB = 1_024;
const MODELS = 60;
const LOADED_MIB_A_SECOND = 2_048;

/** Models of 2 to 140 GiB that take two seconds and then what their size takes to load. */
const models = (rng: Seeded): ModelWeights[] =>
  Array.from({ length: MODELS }, (_, n) => {
    const memoryMib = Math.round(2 * 70 ** rng.next() * GIB_MIB);
    return { model: `m${n}`, memoryMib, loadMs: 2_000 + Math.round((1_000 * memoryMib) / LOADED_MIB_A_SECOND) };
  });

/** Which models are asked for, one after the other: by Zipf's law, and by another ranking in the second half. */
export function weightsTrace(seed: number, length: number): readonly ModelWeights[] {
  const rng = new Seeded(seed);
  const all = models(rng);
  const rankings = [0, 1].map(() => all.map((weights) => ({ weights, by: rng.next() })).sort((a, b) => a.by - b.by));
  const shares = Array.from({ length: MODELS }, (_, rank) => 1 / (rank + 1) ** 0.9);
  const total = shares.reduce((sum, share) => sum + share, 0);
  return Array.from({ length }, (_, n) => {
    let left = rng.next() * total;
    const rank = shares.findIndex((share) => (left -= share) < 0);
    return rankings[n < length / 2 ? 0 : 1]![Math.max(0, rank)]!.weights;
  });
}

/** Milliseconds of loading that a trace costs on a node of that much memory, when weights are unloaded as the engine does. */
export function loadedMs(trace: readonly ModelWeights[], memoryMib: number): number {
  let resident: readonly ResidentWeights[] = [];
  let spentMs = 0;
  for (const weights of trace) {
    if (!resident.some(({ model }) => model === weights.model)) spentMs += weights.loadMs;
    resident = withUser(resident, weights);
    const takenMib = resident.reduce((sum, one) => sum + one.memoryMib, 0);
    const unloaded = weightsToUnload(resident, 0, takenMib - memoryMib);
    resident = withoutUser(withoutUnloaded(resident, unloaded!), weights.model);
  }
  return spentMs;
}

/** The same when those go that were used longest ago. */
export function loadedMsByRecency(trace: readonly ModelWeights[], memoryMib: number): number {
  const resident = new Map<string, ModelWeights>();
  let [spentMs, takenMib] = [0, 0];
  for (const weights of trace) {
    if (!resident.delete(weights.model)) {
      spentMs += weights.loadMs;
      takenMib += weights.memoryMib;
    }
    resident.set(weights.model, weights);
    for (const oldest of resident.values()) {
      if (takenMib <= memoryMib) break;
      resident.delete(oldest.model);
      takenMib -= oldest.memoryMib;
    }
  }
  return spentMs;
}
