/** What `/v1/embeddings` answers. */
export interface EmbeddingList {
  readonly data: readonly { readonly index: number; readonly embedding: number[] | string }[];
  readonly usage: { readonly prompt_tokens: number; readonly total_tokens: number };
}
