import type { MemoryRegistry } from '../../kernel/memory-registry.ts';
import type { TrainKernels } from '../training/train-kernels.ts';
import type { TrainingTurn } from './training-turn.ts';

/** What the trainings of an isolate share. */
export interface TrainingFloor {
  readonly memory: MemoryRegistry;
  readonly kernels: TrainKernels;
  readonly turn: TrainingTurn;
}
