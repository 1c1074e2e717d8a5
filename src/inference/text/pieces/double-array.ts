/**
 * A trie of byte strings as a double array (Aoe, 1989), in the layout of darts-clone, which SentencePiece's normaliser maps have, too: one unit of
 * 32 bits a node. Bits 0-7: the byte that leads to it, bit 8: a string ends here, bits 10-30: the offset of its children, bit 31: this unit is a
 * value. The children of a node stand at its place, by exclusive or with its offset and their byte; its value with the byte 0.
 */
export class DoubleArray {
  readonly units: Uint32Array;

  /** Units that no builder made may lead anywhere; each step reads one, and what is outside of them leads nowhere. */
  constructor(units: Uint32Array) {
    this.units = units;
  }

  /** The node below `node` by a byte; -1: there is none. */
  child(node: number, byte: number): number {
    const next = node ^ offsetIn(this.units[node] ?? 0) ^ byte;
    return byte !== 0 && labelIn(this.units[next] ?? VALUE) === byte ? next : -1;
  }

  /** The value of the string that ends at a node; -1: none does. */
  valueAt(node: number): number {
    const unit = this.units[node] ?? 0;
    return (unit & HAS_VALUE) === 0 ? -1 : (this.units[node ^ offsetIn(unit)] ?? 0) & ~VALUE;
  }

  /** The node that bytes lead to; -1: there is none. */
  walk(bytes: ArrayLike<number>, from = 0, to = bytes.length, start = ROOT): number {
    let node = start;
    for (let at = from; at < to && node >= 0; at += 1) node = this.child(node, bytes[at] ?? 0);
    return node;
  }

  /** The value of exactly these bytes; -1: they are not among the strings. */
  get(bytes: ArrayLike<number>, from = 0, to = bytes.length): number {
    const node = this.walk(bytes, from, to);
    return node < 0 ? -1 : this.valueAt(node);
  }
}

export const ROOT = 0;
export const HAS_VALUE = 0x100;
/** Marks a unit as a value, or as free: no byte leads to it. As a number with a sign, which `&` answers. */
export const VALUE = 0x80000000 | 0;

const labelIn = (unit: number): number => unit & (VALUE | 0xff);

/** Bit 9 stretches offsets by 256, as darts-clone has it for large arrays. */
const offsetIn = (unit: number): number => ((unit >>> 10) & 0x1fffff) << ((unit & 0x200) >>> 6);
