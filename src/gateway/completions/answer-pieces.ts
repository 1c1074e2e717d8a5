import type { Refusal } from '../../contract/api/errors.ts';
import type { CountableText } from '../../upstreams/money/countable-text.ts';
import type { MediaCounts } from '../../upstreams/money/model-price.ts';
import type { Dialect } from '../../upstreams/protocol/stream-tap.ts';
import type { Usage } from '../../upstreams/protocol/usage.ts';
import type { Target } from '../../upstreams/target.ts';
import type { PassedBody, TransportFault } from '../../upstreams/transport.ts';

/** The dialects of streams. */
export type PassedDialect = Exclude<Dialect, 'plain'>;

/** What a call has come to at its end. */
export interface CompletionEnd {
  readonly target: Target;
  /** Absent: the upstream has reported none. */
  readonly usage: Usage | undefined;
  /** Tokens of what has come, as Sluice counts them; absent: the usage is that of the whole answer. */
  readonly countedTokens?: number;
  /** The same of the prompt; absent: the upstream has reported it, or it was only estimated. */
  readonly countedInputTokens?: number;
  /** What came that has a price of its own; absent: the answer does not say. */
  readonly units?: MediaCounts | undefined;
  readonly end: 'whole' | 'cancelled' | TransportFault;
}

/** The end of an answer whose tokens are not counted yet. */
export interface UncountedEnd extends Omit<CompletionEnd, 'countedTokens' | 'countedInputTokens'> {
  /** Undefined: the usage is that of the whole answer. */
  readonly uncounted: CountableText | undefined;
}

/** An answer piece by piece. */
export interface AnswerPieces {
  /** What is sent next; undefined: nothing more. */
  next(): Promise<Uint8Array | undefined>;
  /** The caller takes no more. */
  cancel(): void;
  /**
   * Passes the answer to the caller without reading it. To be called instead of `next`, which goes on where the answer is undefined: it has to be relayed.
   * Absent: so it has in any case.
   */
  pass?(sending: PassSending): Promise<PassedBody | undefined>;
}

/** What goes with an answer that is passed through. */
export interface PassSending {
  /** Is sent before it. */
  readonly first: Uint8Array | undefined;
  /** Sees each piece of what the caller is sent of the answer, some time after it was sent. */
  readonly onPiece: (piece: Uint8Array) => void;
  /** Sees what the caller would have been sent, had the answer been relayed: whole events, and in that with the usage what the call costs. */
  readonly onRelayed?: (piece: Uint8Array) => void;
  /** Why the caller may have no more of it; undefined, and absent: its caller alone calls it off, by leaving. */
  readonly calledOff?: () => Refusal | undefined;
}
