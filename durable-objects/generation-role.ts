import type { Beside } from '../src/ann/generations/generation-state.ts';

/** What a generation is to its index, at any time. */
export interface GenerationRole {
  isServing(): boolean;
  beside(): Beside;
}
