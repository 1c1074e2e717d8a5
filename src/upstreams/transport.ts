import type { Target } from './target.ts';

/** A request as it goes to an upstream, in the upstream's own protocol. */
export interface UpstreamRequest {
  /** Below the base URL, such as `/chat/completions`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Is sent instead, where the call came as a form. */
  readonly form?: Uint8Array;
  /** The media type that is asked for; absent: events where it streams, else JSON. */
  readonly accept?: string;
  readonly streams: boolean;
}

/** The body of an answer, piece by piece as the upstream sends it. */
export interface BodyReader {
  /** Undefined: the body is whole. A body that breaks off, or rests for longer than the target's `idleMs`, is a fault. */
  read(): Promise<Uint8Array | undefined | TransportFault>;
  /** Gives up the rest; the upstream sees the connection close. */
  cancel(): void;
  /**
   * Passes all that has not been read to the caller, behind `lead`, without reading it: only `copy` does. Nothing is read or cancelled afterwards. Absent:
   * the body is made in JavaScript, and has to be read.
   */
  pass?(lead: Uint8Array, copy: BodyCopy): PassedBody;
}

/** What the caller is sent of a body that is passed through: a stream of the platform, into which nothing here looks. */
export type PassedBody = object;

/** Takes the copy of a body that is passed through. */
export interface BodyCopy {
  /** What the caller was sent, in this order; without the lead. */
  take(piece: Uint8Array): void;
  /** Nothing that may follow is wanted: the answer is whole, or is none. */
  readonly isOver: boolean;
  /** What callers skip, and no upstream sends: where the copy has come to its end is seen by it. */
  readonly mark: Uint8Array;
  /** Called once, after the last piece. `fault`: why the body is not whole. Answers what the caller is sent behind it; undefined: nothing. */
  end(fault: TransportFault | undefined): Uint8Array | undefined;
}

export interface Opened {
  readonly kind: 'opened';
  readonly status: number;
  /** Empty where the upstream says none. */
  readonly contentType: string;
  /** From `retry-after-ms` or `retry-after`. */
  readonly retryAfterMs?: number;
  /** From `x-should-retry`. */
  readonly shouldRetry?: boolean;
  /** Of an answer that serves nothing: what it says of the limits of its upstream, by the names of its headers. */
  readonly rateHeaders?: Readonly<Record<string, string>>;
  readonly body: BodyReader;
  /** Takes out of a text what proves to the upstream who calls. Absent: nothing does. */
  readonly withoutSecret?: (text: string) => string;
}

/** `garbage`: the answer is not of the upstream's protocol. */
export type FaultKind =
  | 'refused'
  | 'connect_timeout'
  | 'first_token_timeout'
  | 'idle_timeout'
  | 'total_timeout'
  | 'broken'
  | 'garbage'
  | 'cancelled';

/** What happened instead of an answer. */
export interface TransportFault {
  readonly kind: 'fault';
  readonly fault: FaultKind;
}

/** Called off by its owner, such as when the client has gone away. */
export interface Cancellation {
  readonly isCancelled: boolean;
  /** Answers how to stop listening. */
  onCancel(run: () => void): () => void;
}

/** Speaks HTTP with upstreams. It neither retries nor follows redirects. */
export interface UpstreamTransport {
  open(target: Target, request: UpstreamRequest, cancellation: Cancellation): Promise<Opened | TransportFault>;
}
