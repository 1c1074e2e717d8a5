import type { Refusal } from '../../contract/errors.ts';

/** Ends a stream that was refused midway: what iterates over it learns why. */
export class RefusedStream extends Error {
  override readonly name = 'RefusedStream';
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.message);
    this.refusal = refusal;
  }
}
