import type { Refusal } from '../../contract/api/errors.ts';
import { refusal } from '../../contract/api/errors.ts';
import { COMPLETION_LIMITS } from '../../contract/completions/completion-limits.ts';
import { joinedBytes } from '../../kernel/bytes.ts';
import type { Dispatched } from '../../upstreams/dispatch.ts';
import type { AnswerStream, StreamProblem } from '../../upstreams/protocol/answer-stream.ts';
import type { Usage } from '../../upstreams/protocol/usage.ts';
import type { Target } from '../../upstreams/target.ts';
import type { TransportFault } from '../../upstreams/transport.ts';

/** What a call has come to at its end. */
export interface CompletionEnd {
  readonly target: Target;
  /** Absent: the upstream has reported none. */
  readonly usage: Usage | undefined;
  /** Of the text that was answered. */
  readonly textBytes: number;
  readonly end: 'whole' | 'cancelled' | TransportFault;
}

/** An answer piece by piece. */
export interface AnswerPieces {
  /** What is sent next; undefined: nothing more. */
  next(): Promise<Uint8Array | undefined>;
  /** The caller takes no more. */
  cancel(): void;
}

/**
 * The stream of an answer, read as the caller takes it: a slow caller slows the upstream. However it ends (whole, given up by the caller,
 * broken off by the upstream), it ends once, and says then what it has come to.
 */
export class CompletionStream implements AnswerPieces {
  readonly #dispatched: Dispatched;
  readonly #answer: AnswerStream;
  readonly #requestId: string;
  readonly #onEnd: (end: CompletionEnd) => void;
  #hasEnded = false;

  constructor(dispatched: Dispatched, answer: AnswerStream, requestId: string, onEnd: (end: CompletionEnd) => void) {
    this.#dispatched = dispatched;
    this.#answer = answer;
    this.#requestId = requestId;
    this.#onEnd = onEnd;
  }

  /** What is sent next; undefined: nothing more. */
  async next(): Promise<Uint8Array | undefined> {
    while (!this.#hasEnded) {
      const piece = await this.#dispatched.opened.body.read();
      // Given up meanwhile.
      if (this.#hasEnded) return undefined;
      if (piece === undefined) return this.#upstreamEnded();
      if ('kind' in piece) return this.#broken(piece);
      const { send, problem } = this.#answer.push(piece);
      if (problem !== undefined) return this.#withError(send, faultOf(problem), this.#reasonOf(problem));
      if (this.#answer.heldBytes > COMPLETION_LIMITS.upstreamEventBytesMax) return this.#broken(GARBAGE);
      if (this.#answer.hasEnded) {
        void this.#closed();
        this.#end('whole');
      }
      if (send !== undefined) return send;
    }
    return undefined;
  }

  /** The caller takes no more: the upstream sees its connection close. */
  cancel(): void {
    if (this.#hasEnded) return;
    this.#dispatched.opened.body.cancel();
    this.#end('cancelled');
  }

  /** The connection can serve another call, if the upstream has ended its body with its answer. */
  async #closed(): Promise<void> {
    const { body } = this.#dispatched.opened;
    if ((await body.read()) !== undefined) body.cancel();
  }

  #upstreamEnded(): Uint8Array | undefined {
    const { send, problem, isWhole } = this.#answer.end();
    if (isWhole) {
      this.#end('whole');
      return send;
    }
    const fault = problem === undefined ? BROKEN : faultOf(problem);
    return this.#withError(send, fault, problem === undefined ? this.#brokenOff(BROKEN) : this.#reasonOf(problem));
  }

  #broken(fault: TransportFault): Uint8Array | undefined {
    if (fault.fault === 'cancelled') {
      this.#end('cancelled');
      return undefined;
    }
    return this.#withError(undefined, fault, this.#brokenOff(fault));
  }

  /** [U36] Nothing is asked again once something was sent: the caller learns that the answer is not whole. */
  #withError(before: Uint8Array | undefined, fault: TransportFault, reason: Refusal): Uint8Array {
    this.#dispatched.opened.body.cancel();
    const error = this.#answer.errorBytes(reason, this.#requestId);
    this.#end(fault);
    return before === undefined ? error : joinedBytes([before, error]);
  }

  #end(end: CompletionEnd['end']): void {
    this.#hasEnded = true;
    const { usage, textBytes } = this.#answer;
    this.#dispatched.finish(end, usage === undefined ? undefined : usage.inputTokens + usage.outputTokens);
    this.#onEnd({ target: this.#dispatched.target, usage, textBytes, end });
  }

  #brokenOff({ fault }: TransportFault): Refusal {
    return refusal('upstream_failed', `the upstream ${this.#dispatched.target.upstream} broke off its answer: ${fault}`);
  }

  #reasonOf({ kind, message }: StreamProblem): Refusal {
    const { upstream } = this.#dispatched.target;
    if (kind === 'garbage') return refusal('upstream_failed', `the upstream ${upstream} sent what is no event of its protocol`);
    return refusal(
      'upstream_failed',
      `the upstream ${upstream} ended its answer with an error${message === undefined ? '' : `: ${message}`}`,
    );
  }
}

const BROKEN: TransportFault = { kind: 'fault', fault: 'broken' };
const GARBAGE: TransportFault = { kind: 'fault', fault: 'garbage' };

const faultOf = ({ kind }: StreamProblem): TransportFault => (kind === 'garbage' ? GARBAGE : BROKEN);
