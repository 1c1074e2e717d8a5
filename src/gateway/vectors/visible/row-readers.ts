import type { Outcome } from '../../../contract/api/outcome.ts';
import type { HiddenRows } from '../../../documents/store/document-rows.ts';

/** What the object of an index's documents says of the rows that hold them: see `DocumentsObject`. */
export interface RowOwners {
  /** Of these rows, whose ids are those of chunks, the ones that readers do not see. */
  hidden(namespace: string, rowIds: readonly string[]): Promise<HiddenRows>;
  /** How often what readers see of any document has changed. */
  edition(): Promise<number>;
  /** The documents that are there, of those that rows of these ids would be of. */
  owners(namespace: string, rowIds: readonly string[]): Promise<readonly string[]>;
  /** How many documents there are, in all namespaces. */
  count(): Promise<number>;
}

/** The same where the object may not be reached: then with `unavailable`. */
export type RowReaders = {
  readonly [K in keyof RowOwners]: (...args: Parameters<RowOwners[K]>) => Promise<Outcome<Awaited<ReturnType<RowOwners[K]>>>>;
};
