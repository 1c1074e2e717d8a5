import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { assert } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import type { TokenBatch } from '../token-batch.ts';
import { EncoderMemory } from './encoder-kernels.ts';
import type { LayerAt, NormAt } from './encoder-layout.ts';
import { codeBytes, blockBytes, EncoderLayout, INNER_ROWS } from './encoder-layout.ts';
import type { EncoderShape, EncoderSource, TableSource } from './encoder-source.ts';
import { EncoderPacker } from './pack-encoder.ts';

export interface EngineParts {
  readonly source: EncoderSource;
  /** wasm/encoder.wasm or, where the platform takes it, wasm/encoder.relaxed.wasm. */
  readonly module: WebAssembly.Module;
  /** Tokens of the longest text. */
  readonly tokensMax: number;
  /** Resolves when others that wait for this thread have had a turn. */
  readonly yieldToOthers: () => Promise<void>;
}

/** Texts end to end, none of them empty; without padding. */
export interface EncoderBatch extends TokenBatch {
  /** Which text of a pair a token is of; absent: the first. */
  readonly types?: Int32Array;
}

/** Takes the hidden states of a text's tokens, `[tokens][hidden]`: a view that is valid until it returns. */
export type TakeStates = (text: number, states: Float32Array<ArrayBuffer>) => void;

/** Some texts of a batch that go through the layers together. */
interface Pass {
  /** The first text, and the one behind the last. */
  readonly first: number;
  readonly end: number;
  readonly rows: number;
  /** Its hidden states while another pass has the memory. */
  saved: Float32Array<ArrayBuffer> | undefined;
}

/** Tokens that a pass of several texts has at most: with more, weights are not read less often to any effect. */
const PASS_TOKENS_MAX = 256;
/** Products after which others get a turn: some milliseconds. */
const TURN_PRODUCTS = 200e6;
const ACTIVATIONS = { gelu: 1, 'gelu-tanh': 2, relu: 3 } as const;

/**
 * Computes encoders of BERT's shape in WebAssembly: weights in 8 bits, activations in 7 with scale and zero point for each token, attention in 16,
 * all else in float32. What a text gets depends on it alone, bit for bit, on every platform. [M130]
 */
export class EncoderEngine {
  readonly shape: EncoderShape;
  readonly #memory: EncoderMemory;
  readonly #layout: EncoderLayout;
  readonly #words: TableSource;
  readonly #yieldToOthers: () => Promise<void>;
  /** The pass whose hidden states are in the memory. */
  #resident: Pass | undefined;
  #products = 0;

  private constructor({ source, yieldToOthers }: EngineParts, memory: EncoderMemory, layout: EncoderLayout) {
    this.shape = source.shape;
    this.#words = source.words;
    this.#yieldToOthers = yieldToOthers;
    this.#memory = memory;
    this.#layout = layout;
  }

  /** Reads the weights. Refuses sizes that the kernels have no code for, and what there is no memory for; rejects as the source does. */
  static async load(parts: EngineParts): Promise<Outcome<EncoderEngine>> {
    const { source, module, tokensMax, yieldToOthers } = parts;
    const misfit = misfitOf(source);
    if (misfit !== undefined) return refuse('invalid_value', misfit);
    const layout = layoutOf(source, tokensMax);
    let memory: EncoderMemory;
    try {
      memory = new EncoderMemory(module, layout.bytes);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return refuse('unavailable', `needs ${layout.bytes} bytes of memory, for which there is no room now`);
    }
    await new EncoderPacker({ memory, layout, yieldToOthers }).pack(source);
    return ok(new EncoderEngine(parts, memory, layout));
  }

  /** All that it has of memory, scratch included. */
  get bytes(): number {
    return this.#memory.buffer.byteLength;
  }

  get weightBytes(): number {
    return this.#layout.weightBytes;
  }

  /** Hands the states of each text to `take`, in their order. Batches that come meanwhile run in between. */
  async run(batch: EncoderBatch, take: TakeStates): Promise<void> {
    for (const pass of passesOf(batch)) {
      assert(pass.rows <= this.#layout.rowsMax, 'no text is longer than the memory was laid out for');
      this.#enter(pass);
      try {
        this.#embed(batch, pass);
        for (const layer of this.#layout.layers) {
          if (this.#products >= TURN_PRODUCTS) {
            this.#products = 0;
            await this.#yieldToOthers();
            this.#enter(pass);
          }
          this.#attention(layer, batch, pass);
          this.#feedForward(layer, pass);
        }
        const start = batch.offsets[pass.first]!;
        for (let text = pass.first; text < pass.end; text += 1) {
          const { hidden } = this.shape;
          const from = batch.offsets[text]!;
          const address = this.#layout.hidden + (from - start) * hidden * 4;
          take(text, this.#memory.floats(address, (batch.offsets[text + 1]! - from) * hidden));
        }
      } finally {
        if (this.#resident === pass) this.#resident = undefined;
      }
    }
  }

  /** Makes the memory a pass's, and keeps what another one has in it. */
  #enter(pass: Pass): void {
    const other = this.#resident;
    if (other === pass) return;
    const statesOf = ({ rows }: Pass) => this.#memory.floats(this.#layout.hidden, rows * this.shape.hidden);
    if (other !== undefined) other.saved = statesOf(other).slice();
    if (pass.saved !== undefined) statesOf(pass).set(pass.saved);
    pass.saved = undefined;
    this.#resident = pass;
  }

  #embed({ ids, types, offsets }: EncoderBatch, pass: Pass): void {
    const { run } = this.#memory;
    const { hidden, normEpsilon } = this.shape;
    const { words, positions, types: typesAt, embeddingNorm, hidden: rows } = this.#layout;
    const { bits, block } = this.#words;
    const rowBytes = hidden * 4;
    const perCodes = codeBytes(this.#words);
    const perBlocks = blockBytes(this.#words);
    let row = rows;
    for (let text = pass.first; text < pass.end; text += 1) {
      const from = offsets[text]!;
      const textIds = ids.subarray(from, offsets[text + 1]);
      const places = this.#positionsOf(textIds);
      for (const [i, id] of textIds.entries()) {
        run.pickRow(words.codes + id * perCodes, bits, hidden, block, words.blocks + id * perBlocks, row);
        run.addRow(row, positions + places[i]! * rowBytes, hidden);
        run.addRow(row, typesAt + (types?.[from + i] ?? 0) * rowBytes, hidden);
        row += rowBytes;
      }
    }
    run.addAndNormalise(rows, 0, pass.rows, hidden, embeddingNorm.gain, embeddingNorm.bias, normEpsilon);
  }

  /** Rows of the table of positions. */
  #positionsOf(ids: Int32Array): Int32Array {
    const { firstPosition, paddingId } = this.shape;
    let next = firstPosition;
    return ids.map((id) => (id === paddingId ? firstPosition - 1 : next++));
  }

  /** Each token gathers from those of its text. */
  #attention(at: LayerAt, { offsets }: EncoderBatch, { first, end, rows }: Pass): void {
    const { run } = this.#memory;
    const { hidden, heads } = this.shape;
    const layout = this.#layout;
    run.quantise(layout.hidden, rows, hidden, 0, layout.codes, layout.facts);
    run.multiply(layout.codes, layout.facts, rows, hidden, at.states, 3 * hidden, layout.states);
    const start = offsets[first]!;
    for (let text = first; text < end; text += 1) {
      const from = offsets[text]! - start;
      const tokens = offsets[text + 1]! - offsets[text]!;
      const states = layout.states + from * hidden * 12;
      run.attend(states, tokens, hidden, heads, layout.attention, layout.gathered + from * hidden * 4);
      this.#products += 2 * tokens * tokens * hidden;
    }
    run.quantise(layout.gathered, rows, hidden, 0, layout.codes, layout.facts);
    run.multiply(layout.codes, layout.facts, rows, hidden, at.attended, hidden, layout.states);
    this.#addAndNormalise(layout.hidden, layout.states, rows, at.attentionNorm);
    this.#products += 4 * rows * hidden * hidden;
  }

  #feedForward(at: LayerAt, { rows }: Pass): void {
    const { run } = this.#memory;
    const { hidden, inner, activation } = this.shape;
    const layout = this.#layout;
    for (let first = 0; first < rows; first += INNER_ROWS) {
      const count = Math.min(INNER_ROWS, rows - first);
      const states = layout.hidden + first * hidden * 4;
      run.quantise(states, count, hidden, 0, layout.codes, layout.facts);
      run.multiply(layout.codes, layout.facts, count, hidden, at.inner, inner, layout.innerRows);
      run.quantise(layout.innerRows, count, inner, ACTIVATIONS[activation], layout.innerCodes, layout.facts);
      run.multiply(layout.innerCodes, layout.facts, count, inner, at.outer, hidden, layout.gathered);
      this.#addAndNormalise(states, layout.gathered, count, at.outputNorm);
    }
    this.#products += 2 * rows * hidden * inner;
  }

  #addAndNormalise(rows: number, more: number, count: number, { gain, bias }: NormAt): void {
    this.#memory.run.addAndNormalise(rows, more, count, this.shape.hidden, gain, bias, this.shape.normEpsilon);
  }
}

/** Texts in their order, as many together as `PASS_TOKENS_MAX` allows; a longer one by itself. */
function passesOf({ offsets }: TokenBatch): Pass[] {
  const passes: Pass[] = [];
  const texts = offsets.length - 1;
  for (let first = 0; first < texts;) {
    let end = first + 1;
    while (end < texts && offsets[end + 1]! - offsets[first]! <= PASS_TOKENS_MAX) end += 1;
    passes.push({ first, end, rows: offsets[end]! - offsets[first]!, saved: undefined });
    first = end;
  }
  return passes;
}

const layoutOf = (source: Pick<EncoderSource, 'shape' | 'words'>, tokensMax: number): EncoderLayout =>
  new EncoderLayout(source, Math.max(tokensMax, PASS_TOKENS_MAX));

/** All that an encoder takes of memory, for texts of so many tokens; known before its weights are read. */
export const encoderBytes = (source: Pick<EncoderSource, 'shape' | 'words'>, tokensMax: number): number =>
  layoutOf(source, tokensMax).bytes;

/** What of an encoder's sizes the kernels have no code for; undefined: nothing. */
export function misfitOf({ shape, words }: Pick<EncoderSource, 'shape' | 'words'>): string | undefined {
  const { hidden, heads, inner } = shape;
  const size = hidden / heads;
  if (hidden % 16 !== 0 || inner % 16 !== 0) return `has rows of ${hidden} and ${inner} numbers, which are not multiples of 16`;
  if (size % 16 !== 0 || size > HEAD_MAX) return `has heads of ${size} numbers, which are not a multiple of 16 up to ${HEAD_MAX}`;
  if (inner > INPUTS_MAX) return `has an inner layer of ${inner} numbers, more than ${INPUTS_MAX}`;
  if (words.bits === 32 || words.block % 16 !== 0) return 'has a table of words that is kept in blocks of other than 16 codes';
  return undefined;
}

/** Numbers of a head, and inputs of a product, whose sums fit 32 bits. */
const HEAD_MAX = 256;
const INPUTS_MAX = 16_384;
