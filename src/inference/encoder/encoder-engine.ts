import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { assert } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import type { TokenBatch } from '../token-batch.ts';
import { EncoderMemory } from './encoder-kernels.ts';
import type { LayerAt } from './encoder-layout.ts';
import { codeBytes, blockBytes, EncoderLayout } from './encoder-layout.ts';
import type { EncoderShape, EncoderSource, TableSource } from './encoder-source.ts';
import type { RowStarts } from './layer-steps.ts';
import { LayerSteps, STEP_PRODUCTS } from './layer-steps.ts';
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
  /** Where its texts begin among its rows. */
  readonly starts: RowStarts;
  readonly rows: number;
  /** Whether it is amid the attention of a layer. */
  isAttending: boolean;
  /** What it has in memory, while another pass does. */
  saved: Float32Array<ArrayBuffer>[] | undefined;
}

/** A pass that is amid attention, and the steps that it took of it. */
interface Attending {
  readonly pass: Pass;
  steps: number;
}

/** Tokens that a pass of several texts has at most: with more, weights are not read less often to any effect. */
const PASS_TOKENS_MAX = 256;
/** Attention that costs more than so many products, some 20 ms, is no longer one turn: what is kept of it meanwhile is five times the hidden states. */
const ATTENTION_TURN_PRODUCTS = 8 * STEP_PRODUCTS;
/** A pass that took no step in so many turns of others was given up. */
const QUIET_TURNS = 100;

/**
 * Computes encoders of BERT's shape in WebAssembly: weights in 8 bits, activations in 7 with scale and zero point for each token, attention in 16,
 * all else in float32. What a text gets depends on it alone, bit for bit, on every platform. [M130]
 */
export class EncoderEngine {
  readonly shape: EncoderShape;
  readonly #memory: EncoderMemory;
  readonly #layout: EncoderLayout;
  readonly #steps: LayerSteps;
  readonly #words: TableSource;
  readonly #yieldToOthers: () => Promise<void>;
  /** The pass whose hidden states are in the memory. */
  #resident: Pass | undefined;
  #products = 0;
  /** The pass that may be amid attention while others have their turn, and the steps that it took: what is kept of attention is that of one text. */
  #attending: Attending | undefined;

  private constructor({ source, yieldToOthers }: EngineParts, memory: EncoderMemory, layout: EncoderLayout) {
    this.shape = source.shape;
    this.#words = source.words;
    this.#yieldToOthers = yieldToOthers;
    this.#memory = memory;
    this.#layout = layout;
    this.#steps = new LayerSteps({ shape: source.shape, memory, layout });
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
        for (const layer of this.#layout.layers) for (const _ of this.#turnsOf(layer, pass)) await this.#yieldToOthers();
        const start = batch.offsets[pass.first]!;
        for (let text = pass.first; text < pass.end; text += 1) {
          const { hidden } = this.shape;
          const from = batch.offsets[text]!;
          const address = this.#layout.hidden + (from - start) * hidden * 4;
          take(text, this.#memory.floats(address, (batch.offsets[text + 1]! - from) * hidden));
        }
      } finally {
        if (this.#resident === pass) this.#resident = undefined;
        if (this.#attending?.pass === pass) this.#attending = undefined;
      }
    }
  }

  /** Takes a pass through a layer; yields whenever others are to have their turn, which is the only time that another pass may have the memory. */
  *#turnsOf(layer: LayerAt, pass: Pass): Generator<undefined> {
    const isLong = this.#steps.attentionCost(pass.starts) > ATTENTION_TURN_PRODUCTS;
    const attending = { pass, steps: 0 };
    if (isLong) {
      yield* this.#turnsBefore(attending);
      this.#enter(pass);
    }
    pass.isAttending = true;
    for (const products of this.#steps.attention(layer, pass.starts)) {
      this.#products += products;
      attending.steps += 1;
      if (isLong && this.#isTurnDue()) {
        yield;
        this.#enter(pass);
      }
    }
    pass.isAttending = false;
    if (this.#attending === attending) this.#attending = undefined;
    for (const products of this.#steps.feedForward(layer, pass.rows)) {
      this.#products += products;
      if (this.#isTurnDue()) {
        yield;
        this.#enter(pass);
      }
    }
  }

  /** Until no other pass is amid attention, but for one that was given up. What waits needs no memory: it would have to be copied for each turn. */
  *#turnsBefore(next: Attending): Generator<undefined> {
    let [seen, quiet] = [-1, 0];
    while (this.#attending !== undefined && quiet < QUIET_TURNS) {
      const { steps } = this.#attending;
      quiet = steps === seen ? quiet + 1 : 0;
      seen = steps;
      yield;
    }
    this.#attending = next;
  }

  #isTurnDue(): boolean {
    if (this.#products < STEP_PRODUCTS) return false;
    this.#products = 0;
    return true;
  }

  /** Makes the memory a pass's, and keeps what another one has in it. */
  #enter(pass: Pass): void {
    const other = this.#resident;
    if (other === pass) return;
    if (other !== undefined) other.saved = this.#inMemory(other).map((floats) => floats.slice());
    const { saved } = pass;
    if (saved !== undefined) for (const [i, floats] of this.#inMemory(pass).entries()) floats.set(saved[i]!);
    pass.saved = undefined;
    this.#resident = pass;
  }

  /** What a pass needs of the memory. */
  #inMemory({ rows, isAttending }: Pass): Float32Array<ArrayBuffer>[] {
    const regions = isAttending ? this.#steps.attentionRegions(rows) : [[this.#layout.hidden, rows * this.shape.hidden] as const];
    return regions.map(([address, count]) => this.#memory.floats(address, count));
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
}

/** Texts in their order, as many together as `PASS_TOKENS_MAX` allows; a longer one by itself. */
function passesOf({ offsets }: TokenBatch): Pass[] {
  const passes: Pass[] = [];
  const texts = offsets.length - 1;
  for (let first = 0; first < texts;) {
    let end = first + 1;
    while (end < texts && offsets[end + 1]! - offsets[first]! <= PASS_TOKENS_MAX) end += 1;
    const starts = Array.from({ length: end - first + 1 }, (_, i) => offsets[first + i]! - offsets[first]!);
    passes.push({ first, end, starts, rows: starts.at(-1)!, isAttending: false, saved: undefined });
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
