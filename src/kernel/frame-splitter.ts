import type { FrameFault } from './vector-frame.ts';
import { FRAME_PREFIX_BYTES, framePrefixOf } from './vector-frame.ts';

/** A whole frame, or why what comes next is none: then nothing behind it can be read either. */
export type RawFrame = { readonly bytes: Uint8Array<ArrayBuffer> } | { readonly fault: FrameFault };

/** Cuts the pieces of a stream into vector frames. One frame is held, in memory of its own. */
export class FrameSplitter {
  readonly #bytesMax: number;
  readonly #prefix = new Uint8Array(FRAME_PREFIX_BYTES);
  #frame: Uint8Array<ArrayBuffer> | undefined;
  #held = 0;
  #isFaulty = false;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The frames that end in the next piece. */
  *push(piece: Uint8Array): Generator<RawFrame, void> {
    for (let at = 0; at < piece.length && !this.#isFaulty;) {
      at += this.#fill(piece.subarray(at));
      const fault = this.#begin();
      if (fault !== undefined) yield { fault };
      if (this.#frame?.length === this.#held) {
        yield { bytes: this.#frame };
        [this.#frame, this.#held] = [undefined, 0];
      }
    }
  }

  /** What is left of a frame whose end did not come. */
  end(): RawFrame | undefined {
    if (this.#isFaulty || this.#held === 0) return undefined;
    return { fault: `ends after ${this.#held} of ${this.#frame?.length ?? `at least ${FRAME_PREFIX_BYTES}`} bytes` };
  }

  /** Takes of a piece what the prefix or the frame still lacks. */
  #fill(piece: Uint8Array): number {
    const target = this.#frame ?? this.#prefix;
    const part = piece.subarray(0, target.length - this.#held);
    target.set(part, this.#held);
    this.#held += part.length;
    return part.length;
  }

  /** Makes room for a frame once its length is known. */
  #begin(): FrameFault | undefined {
    if (this.#frame !== undefined || this.#held < FRAME_PREFIX_BYTES) return undefined;
    const prefix = framePrefixOf(this.#prefix);
    const fault = typeof prefix === 'string' ? prefix : this.#excessOf(prefix.bytes);
    this.#isFaulty = fault !== undefined;
    if (typeof prefix === 'string' || fault !== undefined) return fault;
    this.#frame = new Uint8Array(prefix.bytes);
    this.#frame.set(this.#prefix);
    return undefined;
  }

  #excessOf(bytes: number): FrameFault | undefined {
    return bytes > this.#bytesMax ? `has ${bytes} bytes; the limit is ${this.#bytesMax}` : undefined;
  }
}
