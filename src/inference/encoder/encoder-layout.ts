import { MemoryPlan } from './encoder-kernels.ts';
import type { EncoderShape, TableSource } from './encoder-source.ts';

/** Rows that pass through the inner layer at once: what they take of memory stays in a core's cache. A multiple of the kernel's 3. */
export const INNER_ROWS = 96;

/** Rows that `multiply` writes and reads beyond the last; of their facts, zeros and what earlier rows had there. */
const SPARE_ROWS = 2;
/** Facts of a row of codes, `ROW_FACTS` in wasm/encoder/quantise.ts. */
const ROW_FACTS_BYTES = 32;
/** Columns of a panel, and bytes of what is known of them, `PANEL_FACTS` in wasm/encoder/linear.ts. */
export const PANEL_COLUMNS = 16;
const PANEL_FACTS_BYTES = 256;
const FLOAT_BYTES = 4;

export interface NormAt {
  readonly gain: number;
  readonly bias: number;
}

/** Where the matrices of a layer lie; query, key and value are one. */
export interface LayerAt {
  readonly states: number;
  readonly attended: number;
  readonly attentionNorm: NormAt;
  readonly inner: number;
  readonly outer: number;
  readonly outputNorm: NormAt;
}

/** A table of rows of codes, and of their scales and zero points. */
export interface TableAt {
  readonly codes: number;
  readonly blocks: number;
}

/** Addresses of all that an encoder has in its memory, and what it takes. */
export class EncoderLayout {
  readonly words: TableAt;
  readonly positions: number;
  readonly types: number;
  readonly embeddingNorm: NormAt;
  readonly layers: readonly LayerAt[];
  /** Where a column of codes, or a row, is read to. */
  readonly staging: number;
  /** Hidden states of the tokens of a pass. */
  readonly hidden: number;
  /** Queries, keys and values of each token, then what attention's matrix made of them. */
  readonly states: number;
  readonly gathered: number;
  readonly codes: number;
  readonly facts: number;
  readonly innerRows: number;
  readonly innerCodes: number;
  readonly attention: number;
  /** Tokens of a pass. */
  readonly rowsMax: number;
  readonly weightBytes: number;
  readonly bytes: number;

  /** `rowsMax`: tokens of a pass, also of the longest text. */
  constructor({ shape, words }: { readonly shape: EncoderShape; readonly words: TableSource }, rowsMax: number) {
    const { hidden, inner } = shape;
    const plan = new MemoryPlan();
    const floats = (count: number): number => plan.take(count * FLOAT_BYTES);
    const norm = (): NormAt => ({ gain: floats(hidden), bias: floats(hidden) });
    const linear = (inputs: number, outputs: number): number => plan.take((outputs / PANEL_COLUMNS) * panelBytes(inputs));
    this.words = { codes: plan.take(words.rows * codeBytes(words)), blocks: plan.take(words.rows * blockBytes(words)) };
    this.positions = floats(shape.positions * hidden);
    this.types = floats(shape.types * hidden);
    this.embeddingNorm = norm();
    this.layers = Array.from({ length: shape.layers }, () => ({
      states: linear(hidden, 3 * hidden),
      attended: linear(hidden, hidden),
      attentionNorm: norm(),
      inner: linear(hidden, inner),
      outer: linear(inner, hidden),
      outputNorm: norm(),
    }));
    this.rowsMax = rowsMax;
    this.weightBytes = plan.bytes;
    this.staging = plan.take(FLOAT_BYTES * Math.max(hidden, inner));
    const rows = rowsMax + SPARE_ROWS;
    const innerRows = Math.min(rowsMax, INNER_ROWS) + SPARE_ROWS;
    this.hidden = floats(rows * hidden);
    this.states = floats(rows * 3 * hidden);
    this.gathered = floats(rows * hidden);
    this.codes = plan.take(rows * hidden);
    this.facts = plan.take(rows * ROW_FACTS_BYTES);
    this.innerRows = floats(innerRows * inner);
    this.innerCodes = plan.take(innerRows * inner);
    this.attention = plan.take(attentionBytes(rowsMax, hidden / shape.heads));
    this.bytes = plan.bytes;
  }
}

export const panelBytes = (inputs: number): number => inputs * PANEL_COLUMNS + PANEL_FACTS_BYTES;

/** Of a row of words. */
export const codeBytes = ({ columns, bits }: TableSource): number => (columns * bits) / 8;

/** Of what is known of a row's blocks: a scale and a zero point each, 8 bytes of codes of 8 bits, 3 of codes of 4. */
export const blockBytes = ({ columns, block, bits }: TableSource): number => (columns / block) * (bits === 8 ? 8 : 3);

/** Scratch of `attend` for a text of `tokens`: codes of queries, keys and values, with their scales; logits and probabilities of 3 queries. */
function attentionBytes(tokens: number, size: number): number {
  const keys = Math.ceil(tokens / 16) * 16;
  const queries = tokens + SPARE_ROWS;
  return queries * (2 * size + 4) + 16 + keys * (4 * size + 4) + 3 * keys * (4 + 2);
}
