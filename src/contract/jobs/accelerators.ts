/** A type of accelerator that jobs ask for and agents have. */
interface Accelerator {
  readonly kind: 'gpu' | 'tpu' | 'inference';
  readonly memoryMib: number;
  /** Whether jobs may share one device. */
  readonly sharing: 'fractional' | 'whole';
}

const gpu = (memoryGib: number): Accelerator => ({ kind: 'gpu', memoryMib: memoryGib * 1024, sharing: 'fractional' });
/** Chips of a TPU belong to one process. */
const tpu = (memoryGib: number): Accelerator => ({ kind: 'tpu', memoryMib: memoryGib * 1024, sharing: 'whole' });

/** The well-known types of accelerators, by the names that jobs, agents and prices call them. Agents may bring others. */
export const ACCELERATORS = {
  k80: gpu(12),
  p100: gpu(16),
  v100: gpu(16),
  t4: gpu(16),
  a10: gpu(24),
  l4: gpu(24),
  l40s: gpu(48),
  a100: gpu(80),
  h100: gpu(80),
  h200: gpu(141),
  b200: gpu(180),
  mi300x: gpu(192),
  'tpu-v4': tpu(32),
  'tpu-v5e': tpu(16),
  'tpu-v5p': tpu(95),
  'tpu-v6e': tpu(32),
} as const satisfies Readonly<Record<string, Accelerator>>;
