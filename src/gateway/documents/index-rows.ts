import type { Outcome } from '../../contract/api/outcome.ts';
import type { TokenCounter } from '../../documents/chunks/chunk.ts';
import type { DocumentAsker } from '../../documents/replacement/document-record.ts';

/** A row of an index that holds a chunk. */
export interface ChunkRow {
  readonly id: string;
  readonly text: string;
  /** The text with what stands before it where it is embedded. */
  readonly embedded: string;
  /** JSON of an object. */
  readonly metadata: string;
  /** A row of the index whose vector is of the same; null: there is none. */
  readonly like: string | null;
}

/** The index that documents are of, as the work on them needs it. Calls may be repeated; they refuse with a retryable code what may work later. */
export interface IndexRows {
  /** How the model of the index counts tokens. */
  counter(by: DocumentAsker): Promise<Outcome<TokenCounter>>;
  /** Writes all of them or none. What is embedded is paid for once, however often it is repeated. */
  write(by: DocumentAsker, namespace: string, rows: readonly ChunkRow[]): Promise<Outcome<null>>;
  delete(by: DocumentAsker, namespace: string, ids: readonly string[]): Promise<Outcome<null>>;
}
