import type { Refusal } from '../../contract/api/errors.ts';
import { COMPLETION_LIMITS } from '../../contract/completions/completion-limits.ts';
import { joinedBytes } from '../../kernel/bytes.ts';
import type { Dispatched } from '../../upstreams/dispatch.ts';
import type { AnswerStream } from '../../upstreams/protocol/answer-stream.ts';
import type { PassBudget } from '../../upstreams/serving/pass-budget.ts';
import type { PassedBody, TransportFault } from '../../upstreams/transport.ts';
import type { AnswerPieces, CompletionEnd, PassedDialect, PassSending, UncountedEnd } from './answer-pieces.ts';
import { PassedCompletion } from './passed-completion.ts';
import { BROKEN, brokenOff, faultOf, GARBAGE, reasonOf } from './stream-failure.ts';

interface StreamParts {
  readonly dispatched: Dispatched;
  readonly answer: AnswerStream;
  readonly requestId: string;
  readonly onEnd: (end: UncountedEnd) => void;
  /** Undefined: it has to be relayed. */
  readonly passing?: { readonly dialect: PassedDialect; readonly budget: PassBudget } | undefined;
}

/**
 * The stream of an answer, read as the caller takes it: a slow caller slows the upstream. However it ends (whole, given up by the caller,
 * broken off by the upstream), it ends once, and says then what it has come to.
 */
export class CompletionStream implements AnswerPieces {
  readonly #parts: StreamParts;
  /** Read to see whether the stream may be passed through. */
  #ahead: Awaited<ReturnType<Dispatched['opened']['body']['read']>> | 'none' = 'none';
  #hasEnded = false;

  constructor(parts: StreamParts) {
    this.#parts = parts;
  }

  /** Its first piece is read and judged before. [U32] */
  async pass({ first, ...sending }: PassSending): Promise<PassedBody | undefined> {
    const { passing, ...parts } = this.#parts;
    const { body } = parts.dispatched.opened;
    const release = passing === undefined || body.pass === undefined ? undefined : passing.budget.take();
    if (passing === undefined || release === undefined) return undefined;
    const piece = await body.read();
    const passed = new PassedCompletion({ ...parts, ...sending, dialect: passing.dialect, release });
    if (!(piece instanceof Uint8Array) || !passed.begins(piece)) {
      release();
      this.#ahead = piece;
      return undefined;
    }
    this.#hasEnded = true;
    return body.pass?.(first === undefined ? piece : joinedBytes([first, piece]), passed);
  }

  async next(): Promise<Uint8Array | undefined> {
    const { dispatched, answer } = this.#parts;
    while (!this.#hasEnded) {
      const piece = this.#ahead === 'none' ? await dispatched.opened.body.read() : this.#ahead;
      this.#ahead = 'none';
      // Given up meanwhile.
      if (this.#hasEnded) return undefined;
      if (piece === undefined) return this.#upstreamEnded();
      if ('kind' in piece) return this.#broken(piece);
      const { send, problem } = answer.push(piece);
      if (problem !== undefined) return this.#withError(send, faultOf(problem), reasonOf(dispatched.target, problem));
      if (answer.heldBytes > COMPLETION_LIMITS.upstreamEventBytesMax) return this.#broken(GARBAGE);
      if (answer.hasEnded) {
        void this.#closed();
        this.#end('whole');
      }
      if (send !== undefined) return send;
    }
    return undefined;
  }

  /** The upstream sees its connection close. */
  cancel(): void {
    if (this.#hasEnded) return;
    this.#parts.dispatched.opened.body.cancel();
    this.#end('cancelled');
  }

  /** The connection can serve another call, if the upstream has ended its body with its answer. */
  async #closed(): Promise<void> {
    const { body } = this.#parts.dispatched.opened;
    if ((await body.read()) !== undefined) body.cancel();
  }

  #upstreamEnded(): Uint8Array | undefined {
    const { send, problem, isWhole } = this.#parts.answer.end();
    if (isWhole) {
      this.#end('whole');
      return send;
    }
    const fault = problem === undefined ? BROKEN : faultOf(problem);
    const { target } = this.#parts.dispatched;
    return this.#withError(send, fault, problem === undefined ? brokenOff(target, BROKEN) : reasonOf(target, problem));
  }

  #broken(fault: TransportFault): Uint8Array | undefined {
    if (fault.fault === 'cancelled') {
      this.#end('cancelled');
      return undefined;
    }
    return this.#withError(undefined, fault, brokenOff(this.#parts.dispatched.target, fault));
  }

  /** [U36] Nothing is asked again once something was sent: the caller learns that the answer is not whole. */
  #withError(before: Uint8Array | undefined, fault: TransportFault, reason: Refusal): Uint8Array {
    const { dispatched, answer, requestId } = this.#parts;
    dispatched.opened.body.cancel();
    const error = answer.errorBytes(reason, requestId);
    this.#end(fault);
    return before === undefined ? error : joinedBytes([before, error]);
  }

  #end(end: CompletionEnd['end']): void {
    this.#hasEnded = true;
    const { dispatched, answer, onEnd } = this.#parts;
    const { usage, uncounted, units } = answer;
    dispatched.finish(end, usage === undefined ? undefined : usage.inputTokens + usage.outputTokens);
    onEnd({ target: dispatched.target, usage, uncounted, units, end });
  }
}
