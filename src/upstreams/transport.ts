import type { Target } from './target.ts';

/** A request as it goes to an upstream, in the upstream's own protocol. */
export interface UpstreamRequest {
  /** Below the base URL, such as `/chat/completions`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly streams: boolean;
}

/** The body of an answer, piece by piece as the upstream sends it. */
export interface BodyReader {
  /** Undefined: the body is whole. A body that breaks off, or rests for longer than the target's `idleMs`, is a fault. */
  read(): Promise<Uint8Array | undefined | TransportFault>;
  /** Gives up the rest; the upstream sees the connection close. */
  cancel(): void;
}

export interface Opened {
  readonly kind: 'opened';
  readonly status: number;
  /** Empty where the upstream says none. */
  readonly contentType: string;
  /** From `retry-after-ms` or `retry-after`. */
  readonly retryAfterMs?: number;
  readonly body: BodyReader;
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
