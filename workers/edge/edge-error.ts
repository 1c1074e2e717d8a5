import type { ErrorCode, Refusal } from '../../src/contract/api/errors.ts';
import { messageOf, paramOf } from '../../src/contract/api/errors.ts';

/** Why a page cannot embed. `unsupported`: its device cannot; `aborted`: its signal said so; the others as the API has them. */
export class EdgeError extends Error {
  override readonly name = 'EdgeError';
  readonly code: ErrorCode | 'unsupported' | 'aborted';
  /** The field at fault, such as `input[3]`; null: none is. */
  readonly path: string | null;

  constructor(code: EdgeError['code'], message: string, path: string | null = null, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.path = path;
  }

  static of(thrown: unknown): EdgeError {
    if (thrown instanceof EdgeError) return thrown;
    if (thrown instanceof DOMException && thrown.name === 'AbortError')
      return new EdgeError('aborted', 'the page gave it up', null, thrown);
    return new EdgeError('unsupported', thrown instanceof Error ? thrown.message : String(thrown), null, thrown);
  }
}

export const refused = (error: Refusal): EdgeError => new EdgeError(error.code, messageOf(error), paramOf(error));
