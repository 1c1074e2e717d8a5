import type { EncoderShape } from '../encoder/encoder-source.ts';
import type { RunBound } from '../onnx/cost/graph-cost.ts';
import type { NamedTensor } from '../tensor.ts';

/** What kernels without relaxed SIMD compute in a millisecond, less what is beside the products; those with it compute more than twice as much. */
const PRODUCTS_PER_MS = 20e6;

/**
 * What the encoder engine computes of a layer over the tokens of a text, in steps between which others have their turn [M200]: a text that takes longer is better
 * off on a pool. It does not grow with the number of layers, or of texts. [M59]
 */
export class EncoderBounds {
  readonly #shape: EncoderShape;

  constructor(shape: EncoderShape) {
    this.#shape = shape;
  }

  of(inputs: readonly Pick<NamedTensor, 'shape'>[]): RunBound {
    const tokens = Math.max(0, ...inputs.map(({ shape }) => shape[1] ?? 0));
    const { hidden, inner } = this.#shape;
    const products = tokens * (4 * hidden * hidden + 2 * hidden * inner) + 2 * tokens * tokens * hidden;
    return { ms: products / PRODUCTS_PER_MS, loadMs: 0, outputs: [], dearest: 'a layer', unruled: [] };
  }

  ofLeast(): RunBound {
    return this.of([{ shape: [1, 1] }]);
  }

  /** It answers no tensors. */
  outputBytes(): number {
    return 0;
  }
}
