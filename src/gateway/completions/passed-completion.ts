import { COMPLETION_LIMITS } from '../../contract/completions/completion-limits.ts';
import { utf8 } from '../../kernel/bytes.ts';
import type { Dispatched } from '../../upstreams/dispatch.ts';
import type { AnswerStream, StreamProblem } from '../../upstreams/protocol/answer-stream.ts';
import { CopyMeter } from '../../upstreams/protocol/copy-meter.ts';
import { endOf } from '../../upstreams/protocol/stream-translator.ts';
import { errorEvent } from '../../upstreams/protocol/surface-errors.ts';
import type { BodyCopy, TransportFault } from '../../upstreams/transport.ts';
import type { CompletionEnd, PassedDialect, PassSending, UncountedEnd } from './answer-pieces.ts';
import { BROKEN, brokenOff, faultOf, reasonOf } from './stream-failure.ts';

interface PassedParts {
  readonly dispatched: Dispatched;
  readonly requestId: string;
  readonly dialect: PassedDialect;
  /** Reads the copy, too, where it is wanted as it would be relayed. */
  readonly answer: AnswerStream;
  readonly onPiece: PassSending['onPiece'];
  readonly onRelayed?: PassSending['onRelayed'];
  readonly calledOff?: PassSending['calledOff'];
  readonly onEnd: (end: UncountedEnd) => void;
  /** Gives back the memory that it may hold. */
  readonly release: () => void;
}

/** A stream that is passed to the caller as it comes, metered by its copy. It ends once, and says then what it has come to. [U32] [U42] */
export class PassedCompletion implements BodyCopy {
  readonly #parts: PassedParts;
  readonly #meter: CopyMeter;

  constructor(parts: PassedParts) {
    this.#parts = parts;
    this.#meter = new CopyMeter(parts.dialect, COMPLETION_LIMITS.upstreamEventBytesMax);
  }

  /** Whether the answer may go on behind its first piece, which is read here. */
  begins(piece: Uint8Array): boolean {
    this.#meter.pushRead(piece);
    if (this.isOver) return false;
    this.#sent(piece);
    return true;
  }

  /** An event that has not ended is ended by it, and what else it has is a comment. */
  get mark(): Uint8Array {
    return utf8(`\n\n: ${this.#parts.requestId}\n\n`);
  }

  get isOver(): boolean {
    return this.#meter.hasEnded || this.#meter.problem !== undefined;
  }

  take(piece: Uint8Array): void {
    this.#meter.push(piece);
    this.#sent(piece);
  }

  end(fault: TransportFault | undefined): Uint8Array | undefined {
    const { dispatched, answer, onPiece, onRelayed, onEnd, release } = this.#parts;
    const isWhole = this.#meter.end();
    const { usage, uncounted, units, hasEnded, problem } = this.#meter;
    const why = fault ?? (problem === undefined ? BROKEN : faultOf(problem));
    const end = isWhole && (hasEnded || fault === undefined) ? 'whole' : why.fault === 'cancelled' ? 'cancelled' : why;
    const behind = this.#behind(end, fault === undefined ? problem : undefined);
    if (behind !== undefined) onPiece(behind);
    if (onRelayed !== undefined && !answer.hasEnded) this.#relayed(answer.end().send);
    dispatched.finish(end, usage === undefined ? undefined : usage.inputTokens + usage.outputTokens);
    release();
    onEnd({ target: dispatched.target, usage, uncounted, units, end });
    return behind;
  }

  #sent(piece: Uint8Array): void {
    const { answer, onPiece, onRelayed } = this.#parts;
    onPiece(piece);
    if (onRelayed !== undefined && !answer.hasEnded) this.#relayed(answer.push(piece).send);
  }

  #relayed(piece: Uint8Array | undefined): void {
    if (piece !== undefined && piece.length > 0) this.#parts.onRelayed?.(piece);
  }

  /** [U36] The caller learns that the answer is not whole; an error of the upstream's own was passed to it. */
  #behind(end: CompletionEnd['end'], problem: StreamProblem | undefined): Uint8Array | undefined {
    const { dispatched, dialect, requestId, calledOff } = this.#parts;
    const ended = end === 'whole' ? undefined : calledOff?.();
    if (ended !== undefined) return utf8(errorEvent(dialect, ended, requestId));
    if (end === 'cancelled' || problem?.kind === 'error') return undefined;
    if (end === 'whole') return this.#meter.hasEnded || endOf(dialect) === '' ? undefined : utf8(endOf(dialect));
    const reason = problem === undefined ? brokenOff(dispatched.target, end) : reasonOf(dispatched.target, problem);
    return utf8(errorEvent(dialect, reason, requestId));
  }
}
