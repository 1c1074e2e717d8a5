import type { IncomingMessage, ServerResponse } from 'node:http';

import type { ErrorCode } from '../../src/contract/api/errors.ts';

/** What a replica does for those that show its key. */
export interface ReplicaService {
  /** Answers a call, to its end; rejects where it cannot and has sent nothing. */
  serve(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Why it does not work; undefined: it does. */
  fault(): Promise<string | undefined>;
  /** Whether it may take minutes until it works for the first time, such as a server that loads a model. */
  readonly startsSlowly: boolean;
}

export interface ReplicaAnswer {
  readonly status: number;
  /** JSON. */
  readonly body: string;
}

export const replicaFailure = (status: number, code: ErrorCode, message: string): ReplicaAnswer => ({
  status,
  body: JSON.stringify({ error: { message, type: status < 500 ? 'invalid_request_error' : 'server_error', param: null, code } }),
});

export function sendAnswer(response: ServerResponse, { status, body }: ReplicaAnswer): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(body);
}
