/** What an upstream has answered, where that ends the call: it is fit for callers, without credentials. [U204] */
export interface UpstreamAnswer {
  /** What gave it, as `upstream/model`. */
  readonly target: string;
  /** Whose words its type is of. */
  readonly family: ErrorFamily;
  /** Of the upstream's answer and of the caller's; of an error in a stream the one that its type stands for. */
  readonly status: number;
  readonly type?: string;
  readonly code?: string;
  readonly param?: string;
  /** Whether the same call may be answered later: sent as `x-should-retry`. */
  readonly isRetryable: boolean;
  /** It was given to another call, and asked for the pause that this one meets. */
  readonly isRepeated?: true;
  /** What it says of its limits, by the names of its headers. */
  readonly rateHeaders?: Readonly<Record<string, string>>;
}

export type ErrorFamily = 'openai' | 'anthropic';

/** Statuses that have a type of their own, at OpenAI (openai-openapi, `Error`) and at Anthropic (its documentation, "Errors"). */
const TYPES: Readonly<Record<ErrorFamily, Readonly<Record<number, string>>>> = {
  openai: { 404: 'not_found_error', 409: 'conflict_error', 429: 'rate_limit_error' },
  anthropic: {
    404: 'not_found_error',
    408: 'timeout_error',
    409: 'conflict_error',
    413: 'request_too_large',
    429: 'rate_limit_error',
    504: 'timeout_error',
    529: 'overloaded_error',
  },
};

const OTHERWISE = { openai: 'server_error', anthropic: 'api_error' } as const;

/** The type of a status where nobody says another. */
export const typeOfStatus = (family: ErrorFamily, status: number): string =>
  TYPES[family][status] ?? (status < 500 ? 'invalid_request_error' : OTHERWISE[family]);

/** The type as clients of a family know it: the upstream's own word if it is of that family, else the one for its status. [U206] */
export const typeIn = (family: ErrorFamily, answer: UpstreamAnswer): string =>
  (answer.family === family ? answer.type : undefined) ?? typeOfStatus(family, answer.status);
