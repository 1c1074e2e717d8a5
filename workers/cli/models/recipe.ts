import type { EmbeddingContract } from '../../../src/inference/embedding-contract.ts';
import type { measure } from './measure.ts';

/** How a model came to be: enough to build it again and see that it is the same. */
export interface Recipe {
  readonly command: string;
  /** Version of the Node that wrote the outputs. */
  readonly node: string;
  readonly inputs: readonly { readonly uri: string; readonly sha256: string }[];
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly outputs: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
  /** What the manifest's `contractHash` is the hash of. */
  readonly contract: EmbeddingContract;
  readonly metrics: Awaited<ReturnType<typeof measure>>;
}
