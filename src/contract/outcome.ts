import type { Result } from '../kernel/result.ts';
import { err } from '../kernel/result.ts';
import type { ErrorCode, Refusal } from './errors.ts';
import { refusal } from './errors.ts';

/** What a use case or a Durable Object answers: a value, or a refusal from the error catalogue. */
export type Outcome<T> = Result<T, Refusal>;

export const refuse = (code: ErrorCode, message: string, param?: string) => err(refusal(code, message, param));
