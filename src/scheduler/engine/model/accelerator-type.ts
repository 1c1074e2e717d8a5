/** A kind of accelerator. Amounts of it are counted in thousandths of one device: 1000 is a whole one. */
export interface AcceleratorType {
  readonly name: string;
  readonly kind: 'gpu' | 'tpu' | 'inference';
  readonly memoryMib: number;
  /** Whether jobs may share one device. */
  readonly sharing: 'fractional' | 'whole';
}

/** All of one device. */
export const WHOLE_MILLI = 1000;
