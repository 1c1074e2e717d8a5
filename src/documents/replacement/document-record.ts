import type { TenantPrincipal } from '../../contract/api/principal.ts';
import type { FileId } from '../../kernel/ids.ts';
import type { SourceFormat } from '../blocks/block-reader.ts';
import type { ChunkSettings } from '../chunks/chunk.ts';

/** A document of an index. */
export interface DocumentKey {
  readonly namespace: string;
  readonly id: string;
}

/** What is said of a document beside its text. */
export interface DocumentTerms {
  readonly title: string | null;
  /** JSON of an object, which every chunk carries; null: none. */
  readonly metadata: string | null;
  /** Of access: sorted, each once. */
  readonly labels: readonly string[];
  readonly format: SourceFormat;
  readonly chunking: ChunkSettings;
}

/** Where the text of a version is kept. */
export interface DocumentSourceFile {
  readonly file: FileId;
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
  /** Whether it was made for the document, and goes with its version. */
  readonly isOwn: boolean;
}

export interface DocumentVersion {
  /** Above those of all versions, and of all tries to write one, before it. */
  readonly number: number;
  readonly terms: DocumentTerms;
  readonly source: DocumentSourceFile;
  readonly askedAtMs: number;
}

/** The version that readers see. */
export interface ServedVersion extends DocumentVersion {
  readonly chunks: number;
  /** Of all chunks with their contexts, as they are embedded. */
  readonly tokens: number;
  /** How many of its chunks the version before had not. */
  readonly added: number;
  readonly servedAtMs: number;
}

/** A version that is being written: readers do not see it. */
export interface WrittenVersion extends DocumentVersion {
  readonly bytesRead: number;
  readonly chunks: number;
  readonly tokens: number;
  /** How many of its chunks no version had. */
  readonly added: number;
  /** How often it was begun. */
  readonly tries: number;
}

/** Why a version could not be written. */
export interface DocumentFault {
  readonly version: number;
  readonly code: string;
  readonly message: string;
  readonly atMs: number;
}

/** In whose name a document is worked on, and the very index that it is of. */
export interface DocumentAsker {
  readonly principal: TenantPrincipal;
  readonly index: { readonly name: string; readonly incarnation: string };
}

export interface DocumentRecord extends DocumentKey {
  readonly by: DocumentAsker;
  readonly served: ServedVersion | null;
  readonly next: WrittenVersion | null;
  readonly fault: DocumentFault | null;
  /** It goes once nothing of it is left. */
  readonly isRemoved: boolean;
  /** The highest number of a version so far. */
  readonly latest: number;
  /** Files of versions that are gone, to be deleted. */
  readonly spent: readonly FileId[];
  /** From when there is something to do; null: nothing is. */
  readonly dueMs: number | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export type DocumentState = 'ready' | 'writing' | 'failed' | 'deleting';

/** What its owner calls it: `ready`, also with a fault, while a version is served and none is written. */
export function stateOf({ isRemoved, next, served }: Pick<DocumentRecord, 'isRemoved' | 'next' | 'served'>): DocumentState {
  if (isRemoved) return 'deleting';
  if (next !== null) return 'writing';
  return served === null ? 'failed' : 'ready';
}
