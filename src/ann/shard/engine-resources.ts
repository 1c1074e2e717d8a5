import { MemoryRegistry } from '../../kernel/memory-registry.ts';
import { ProbeKernels } from '../lists/probe-kernels.ts';
import { PageMemory } from '../page-memory.ts';
import { Scanner } from '../flat/scanner.ts';
import { TrainKernels } from '../training/train-kernels.ts';
import type { ListResources } from '../engine/shard-lists.ts';
import type { MaintenanceResources } from '../maintenance/maintained-shard.ts';
import { Pace, TrainingTurn } from '../maintenance/background-work.ts';
import type { MaintenanceSizes } from '../maintenance/next-task.ts';
import { MAINTENANCE_SIZES } from '../maintenance/next-task.ts';

/** What the engines of an isolate share: one memory, the registry that divides it, and the kernels that work on it. */
export interface EngineResources extends ListResources, MaintenanceResources {
  readonly scanner: Scanner;
  readonly sizes: MaintenanceSizes;
}

/** The compiled kernels of src/ann/wasm. */
interface KernelModules {
  readonly scan: WebAssembly.Module;
  /** probe.wasm, or probe.relaxed.wasm where the platform takes it. */
  readonly probe: WebAssembly.Module;
  readonly train: WebAssembly.Module;
}

export function engineResources(
  { scan, probe, train }: KernelModules,
  bytesMax: number,
  sizes: MaintenanceSizes = MAINTENANCE_SIZES,
): EngineResources {
  const pages = new PageMemory(bytesMax);
  return {
    memory: new MemoryRegistry(bytesMax),
    scanner: new Scanner(scan, pages),
    probe: new ProbeKernels(probe, pages),
    train: new TrainKernels(train, pages),
    turn: new TrainingTurn(),
    pace: new Pace(),
    sizes,
  };
}
