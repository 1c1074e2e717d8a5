import type { Outcome } from '../../contract/api/outcome.ts';
import type { UpstreamOwner } from '../../upstreams/upstream-record.ts';

/** What an embedding model of the deployment makes of a question. */
export interface QuestionVector {
  /** Of unit length, or all zeros. */
  readonly vector: Float32Array<ArrayBuffer>;
  readonly tokens: number;
  /** Vectors of one contract can be compared. */
  readonly contract: string;
}

/** The embedding models of the deployment, wherever they run: those of an owner, else the platform's. */
export interface QuestionEmbedder {
  /** Refuses what is no embedding model that serves. */
  check(owner: UpstreamOwner, model: string): Promise<Outcome<null>>;
  embed(owner: UpstreamOwner, model: string, text: string): Promise<Outcome<QuestionVector>>;
}
