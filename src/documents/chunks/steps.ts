import { DOCUMENT_LIMITS } from '../../contract/documents/document-limits.ts';

/** Cuts work into steps: it yields after so much of it as counting `blockCharsMax` characters takes, so that others have their turn. */
export class Steps {
  #chars = 0;

  /** Work that was done, as characters that are counted in the same time. */
  *spend(chars: number): Generator<undefined, void> {
    this.#chars += chars;
    if (this.#chars < DOCUMENT_LIMITS.blockCharsMax) return;
    this.#chars = 0;
    yield;
  }
}
