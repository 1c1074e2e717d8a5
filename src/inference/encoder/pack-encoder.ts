import type { EncoderMemory } from './encoder-kernels.ts';
import type { EncoderLayout, NormAt, TableAt } from './encoder-layout.ts';
import { blockBytes, codeBytes, PANEL_COLUMNS, panelBytes } from './encoder-layout.ts';
import type { EncoderSource, LinearSource, NormSource, TableRow, TableSource } from './encoder-source.ts';

/** Numbers that are packed before others get a turn: some milliseconds' work, whatever they are stored as. */
export const TURN_NUMBERS = 2 ** 19;

interface PackParts {
  readonly memory: EncoderMemory;
  readonly layout: EncoderLayout;
  readonly yieldToOthers: () => Promise<void>;
}

/** Reads an encoder's weights into its memory, a column or a row at a time: each is there once. Rejects as the source does. */
export class EncoderPacker {
  readonly #parts: PackParts;
  #numbers = 0;

  constructor(parts: PackParts) {
    this.#parts = parts;
  }

  async pack(source: EncoderSource): Promise<void> {
    const { layout } = this.#parts;
    await this.#words(source.words, layout.words);
    await this.#floats(source.positionsTable, layout.positions);
    await this.#floats(source.typesTable, layout.types);
    this.#norm(source.embeddingNorm, layout.embeddingNorm);
    for (const [n, at] of layout.layers.entries()) {
      const layer = await source.layer(n);
      const { query, key, value } = layer;
      for (const [i, linear] of [query, key, value].entries()) await this.#linear(linear, at.states, i * linear.outputs);
      await this.#linear(layer.attended, at.attended);
      this.#norm(layer.attentionNorm, at.attentionNorm);
      await this.#linear(layer.inner, at.inner);
      await this.#linear(layer.outer, at.outer);
      this.#norm(layer.outputNorm, at.outputNorm);
    }
  }

  /** `first`: which column of the panels its first one becomes. */
  async #linear(linear: LinearSource, panels: number, first = 0): Promise<void> {
    const { memory, layout } = this.#parts;
    const { inputs, outputs, bias } = linear;
    const codes = new Int8Array(memory.buffer, layout.staging, inputs);
    for (let output = 0; output < outputs; output += 1) {
      const { scale, zero } = linear.readColumn(output, codes);
      const column = first + output;
      const panel = panels + Math.floor(column / PANEL_COLUMNS) * panelBytes(inputs);
      memory.run.packColumn(layout.staging, inputs, column % PANEL_COLUMNS, panel, scale, zero, bias[output]!);
      await this.#packed(inputs);
    }
  }

  async #words(table: TableSource, at: TableAt): Promise<void> {
    const { buffer } = this.#parts.memory;
    const count = table.columns / table.block;
    const scales = new Float32Array(count);
    const zeros = new Float32Array(count);
    const bytes = codeBytes(table);
    const perBlocks = blockBytes(table);
    const blocks = new DataView(buffer, at.blocks, table.rows * perBlocks);
    const write = table.bits === 8 ? writeWideBlocks : writeNarrowBlocks;
    await this.#eachRow(table, (row) => {
      const start = at.codes + row * bytes;
      const codes = table.bits === 8 ? new Int8Array(buffer, start, bytes) : new Uint8Array(buffer, start, bytes);
      table.readRow(row, { codes, scales, zeros });
      write(blocks, row * perBlocks, scales, zeros);
    });
  }

  /** A table that is kept as floats, whatever the source has. */
  async #floats(table: TableSource, at: number): Promise<void> {
    const { memory } = this.#parts;
    const { columns, bits, block } = table;
    const row: TableRow = {
      codes: bits === 32 ? new Float32Array(columns) : bits === 8 ? new Int8Array(columns) : new Uint8Array(columns / 2),
      scales: new Float32Array(columns / block),
      zeros: new Float32Array(columns / block),
    };
    await this.#eachRow(table, (n) => {
      table.readRow(n, row);
      const values = memory.floats(at + n * columns * 4, columns);
      for (let column = 0; column < columns; column += 1) {
        const code = bits === 4 ? (row.codes[column >> 1]! >> ((column & 1) * 4)) & 15 : row.codes[column]!;
        const i = Math.floor(column / block);
        values[column] = bits === 32 ? code : row.scales[i]! * (code - row.zeros[i]!);
      }
    });
  }

  async #eachRow(table: TableSource, read: (row: number) => void): Promise<void> {
    let row = 0;
    while (row < table.rows) {
      for (const end = row + (await table.open(row)); row < end; row += 1) {
        read(row);
        await this.#packed(table.columns);
      }
    }
  }

  #norm({ gain, bias }: NormSource, at: NormAt): void {
    const { memory } = this.#parts;
    memory.floats(at.gain, gain.length).set(gain);
    memory.floats(at.bias, bias.length).set(bias);
  }

  /** Counts what was packed; others have their turn after each `TURN_NUMBERS`. */
  async #packed(numbers: number): Promise<void> {
    this.#numbers += numbers;
    if (this.#numbers < TURN_NUMBERS) return;
    this.#numbers = 0;
    await this.#parts.yieldToOthers();
  }
}

/** Of codes of 8 bits: float32 scale and zero point, block by block. */
function writeWideBlocks(view: DataView, start: number, scales: Float32Array, zeros: Float32Array): void {
  for (const [i, scale] of scales.entries()) {
    view.setFloat32(start + 8 * i, scale, true);
    view.setFloat32(start + 8 * i + 4, zeros[i]!, true);
  }
}

/** Of codes of 4 bits: the scales in float16, then the zero points, a byte each. */
function writeNarrowBlocks(view: DataView, start: number, scales: Float32Array, zeros: Float32Array): void {
  for (const [i, scale] of scales.entries()) {
    view.setUint16(start + 2 * i, halfOf(scale), true);
    view.setUint8(start + 2 * scales.length + i, zeros[i]!);
  }
}

const singleBits = new DataView(new ArrayBuffer(4));

/** The bits of the float16 next to a number. */
function halfOf(value: number): number {
  // The exponent of float32 becomes that of float16: numbers too small for a float16 of full precision are subnormal in both.
  singleBits.setFloat32(0, Math.min(Math.abs(value), 65_504) * 2 ** -112);
  const bits = singleBits.getUint32(0);
  return ((bits + 0xfff + ((bits >> 13) & 1)) >> 13) | (value < 0 ? 0x8000 : 0);
}
