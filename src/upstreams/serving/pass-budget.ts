import { COMPLETION_LIMITS } from '../../contract/completions/completion-limits.ts';

/**
 * What the streams that an isolate passes through may hold of its memory together, whatever their callers do: the pieces on their way to a caller that
 * does not read, and what the copy has not been read of. Where there is no room, a stream is relayed. [U190]
 */
export class PassBudget {
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Takes what one stream may hold. Answers how to give it back, once; undefined: there is no room. */
  take(): (() => void) | undefined {
    const bytes = COMPLETION_LIMITS.passedStreamBytes;
    if (this.#bytes + bytes > COMPLETION_LIMITS.passedStreamsBytesMax) return undefined;
    this.#bytes += bytes;
    let isHeld = true;
    return () => {
      if (isHeld) this.#bytes -= bytes;
      isHeld = false;
    };
  }
}
