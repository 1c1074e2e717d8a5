import { must } from '../kernel/assert.ts';

/** The distinct keys of a batch, each to be answered once. */
export interface BatchPlan {
  readonly distinct: readonly string[];
  /** For each input, where its key stands in `distinct`. */
  readonly slotOf: Int32Array;
  /** For each distinct key, the first input that has it. */
  readonly inputOf: Int32Array;
}

export function planBatch(keys: readonly string[]): BatchPlan {
  const slots = new Map<string, number>();
  const slotOf = new Int32Array(keys.length);
  const inputs: number[] = [];
  keys.forEach((key, input) => {
    const slot = slots.get(key) ?? slots.size;
    if (slot === slots.size) {
      slots.set(key, slot);
      inputs.push(input);
    }
    slotOf[input] = slot;
  });
  return { distinct: [...slots.keys()], slotOf, inputOf: Int32Array.from(inputs) };
}

/** One row for each input, in the order of the inputs: `rows[slot]` is the answer to `distinct[slot]`. */
export function scatterRows(rows: readonly Float32Array[], slotOf: Int32Array, dimensions: number): Float32Array<ArrayBuffer> {
  const vectors = new Float32Array(slotOf.length * dimensions);
  slotOf.forEach((slot, input) => vectors.set(must(rows[slot], 'every distinct key has an answer'), input * dimensions));
  return vectors;
}
