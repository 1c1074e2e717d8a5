import type { EncoderMemory } from './encoder-kernels.ts';
import type { EncoderLayout, LayerAt, NormAt } from './encoder-layout.ts';
import { INNER_ROWS } from './encoder-layout.ts';
import type { EncoderShape } from './encoder-source.ts';

/** Products of 8 by 7 bits of a step at most, where a step is of more than `INNER_ROWS` rows: some milliseconds. */
export const STEP_PRODUCTS = 200e6;
/** What a product of attention, of 16 bits, takes of them. */
const ATTENTION_COST = 4;
const ACTIVATIONS = { gelu: 1, 'gelu-tanh': 2, relu: 3 } as const;

/** Texts that go through a layer together: where each begins among the rows, and behind the last, how many rows there are. */
export type RowStarts = readonly number[];

interface LayerParts {
  readonly shape: EncoderShape;
  readonly memory: EncoderMemory;
  readonly layout: EncoderLayout;
}

/**
 * A layer over the rows of a pass, in steps that do not grow with the length of its texts: each generator yields what the step before cost, in products.
 * Between two steps of `attention`, all that `attentionRegions` has is needed; else the hidden states alone.
 */
export class LayerSteps {
  readonly #parts: LayerParts;

  constructor(parts: LayerParts) {
    this.#parts = parts;
  }

  /** What attention of so many rows has in memory, as addresses and counts of floats. */
  attentionRegions(rows: number): readonly (readonly [number, number])[] {
    const { layout, shape } = this.#parts;
    const count = rows * shape.hidden;
    return [
      [layout.hidden, count],
      [layout.states, 3 * count],
      [layout.gathered, count],
    ];
  }

  /** Products of the attention of texts, as its steps add up to. */
  attentionCost(starts: RowStarts): number {
    const { hidden } = this.#parts.shape;
    const rows = starts.at(-1) ?? 0;
    let cost = 4 * rows * hidden * hidden;
    for (let text = 0; text + 1 < starts.length; text += 1) cost += ATTENTION_COST * 2 * (starts[text + 1]! - starts[text]!) ** 2 * hidden;
    return cost;
  }

  /** Each token gathers from those of its text. */
  *attention(at: LayerAt, starts: RowStarts): Generator<number> {
    const { layout, memory, shape } = this.#parts;
    const { hidden } = shape;
    const { run } = memory;
    const rows = starts.at(-1) ?? 0;
    for (const [first, count] of chunksOf(rows, 3 * hidden * hidden)) {
      run.quantise(layout.hidden + first * hidden * 4, count, hidden, 0, layout.codes, layout.facts);
      run.multiply(layout.codes, layout.facts, count, hidden, at.states, 3 * hidden, layout.states + first * hidden * 12);
      yield 3 * count * hidden * hidden;
    }
    yield* this.#gathered(starts);
    for (const [first, count] of chunksOf(rows, hidden * hidden)) {
      run.quantise(layout.gathered + first * hidden * 4, count, hidden, 0, layout.codes, layout.facts);
      run.multiply(layout.codes, layout.facts, count, hidden, at.attended, hidden, layout.states);
      this.#addAndNormalise(layout.hidden + first * hidden * 4, layout.states, count, at.attentionNorm);
      yield count * hidden * hidden;
    }
  }

  /** Of a head of a text, as many queries at a time as a step has. */
  *#gathered(starts: RowStarts): Generator<number> {
    const { layout, memory, shape } = this.#parts;
    const { hidden, heads } = shape;
    const size = hidden / heads;
    for (let text = 0; text + 1 < starts.length; text += 1) {
      const row = starts[text]!;
      const tokens = starts[text + 1]! - row;
      for (let head = 0; head < heads; head += 1) {
        const states = layout.states + row * hidden * 12 + head * size * 4;
        const gathered = layout.gathered + row * hidden * 4 + head * size * 4;
        for (const [first, count] of chunksOf(tokens, ATTENTION_COST * 2 * tokens * size)) {
          memory.run.attend(states, tokens, hidden, size, first, first + count, layout.attention, gathered);
          yield ATTENTION_COST * 2 * count * tokens * size;
        }
      }
    }
  }

  *feedForward(at: LayerAt, rows: number): Generator<number> {
    const { layout, memory, shape } = this.#parts;
    const { hidden, inner, activation } = shape;
    const { run } = memory;
    for (let first = 0; first < rows; first += INNER_ROWS) {
      const count = Math.min(INNER_ROWS, rows - first);
      const states = layout.hidden + first * hidden * 4;
      run.quantise(states, count, hidden, 0, layout.codes, layout.facts);
      run.multiply(layout.codes, layout.facts, count, hidden, at.inner, inner, layout.innerRows);
      run.quantise(layout.innerRows, count, inner, ACTIVATIONS[activation], layout.innerCodes, layout.facts);
      run.multiply(layout.innerCodes, layout.facts, count, inner, at.outer, hidden, layout.gathered);
      this.#addAndNormalise(states, layout.gathered, count, at.outputNorm);
      yield 2 * count * hidden * inner;
    }
  }

  #addAndNormalise(rows: number, more: number, count: number, { gain, bias }: NormAt): void {
    const { memory, shape } = this.#parts;
    memory.run.addAndNormalise(rows, more, count, shape.hidden, gain, bias, shape.normEpsilon);
  }
}

/** Rows in turn, as many at a time as a step has where each costs so many products: at least `INNER_ROWS`, for which weights are read once, and a multiple of the kernels' 3. */
function* chunksOf(rows: number, rowCost: number): Generator<readonly [first: number, count: number]> {
  const most = Math.max(INNER_ROWS, Math.floor(STEP_PRODUCTS / rowCost / 3) * 3);
  for (let first = 0; first < rows; first += most) yield [first, Math.min(most, rows - first)];
}
