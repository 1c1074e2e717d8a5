import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { sha256Hex } from '../../kernel/bytes.ts';
import { ok } from '../../kernel/result.ts';
import type { ServedFile } from '../served-manifest.ts';
import { modelFileKey } from '../served-manifest.ts';

/** Where the files of registered models are. A file that is not as long as it should be is not read. */
export interface ModelBucket {
  read(key: string, bytes: number): Promise<Uint8Array<ArrayBuffer> | 'absent' | 'other-length'>;
  /** The same, in pieces; absent: files are read as a whole. `pieces` of what it opens are read to their end. */
  open?(key: string, bytes: number): Promise<StoredFile | 'absent' | 'other-length'>;
  /** Absent: what is made of files is made each time that a model is loaded. */
  readonly derived?: DerivedFiles;
}

/** What was made of files and is kept beside them, as long as they are there. What is lost is made again. */
export interface DerivedFiles {
  /** Undefined: there is none. */
  read(key: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** `ofKey`: the file that it was made of. Nothing is kept of one that has gone. */
  write(key: string, bytes: Uint8Array<ArrayBuffer>, ofKey: string): Promise<void>;
}

/** A file that is read in pieces, and stays where it is. */
export interface StoredFile {
  /** All of it, once: where one reader stops, the next goes on. */
  readonly pieces: AsyncIterableIterator<Uint8Array<ArrayBuffer>>;
  /** Of what the pieces were, once they have been read. */
  sha256(): Promise<string>;
  /** Rejects where it cannot be read, or is no longer the file that the pieces are of. */
  part(offset: number, bytes: number): Promise<Uint8Array<ArrayBuffer>>;
}

const UNREADABLE = 'cannot be read from the store of files; try again';

/**
 * A file that a manifest names, and what `read` makes of its pieces, which have its length and its hash. What `read` throws is thrown once they turn out to
 * have it. [M7] [M146]
 */
export async function openServedFile<T>(
  open: NonNullable<ModelBucket['open']>,
  owner: string,
  file: ServedFile,
  at: FieldPath,
  read: (pieces: StoredFile['pieces']) => Promise<T>,
): Promise<Outcome<{ readonly stored: StoredFile; readonly made: T }>> {
  let stored: StoredFile;
  let made: { readonly value: T } | { readonly error: unknown };
  let sha256: string;
  try {
    const opened = await open(modelFileKey(owner, file.sha256), file.bytes);
    if (typeof opened === 'string') return refuseMissing(opened, file, at);
    stored = opened;
    made = await read(stored.pieces).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    for await (const _ of stored.pieces);
    sha256 = await stored.sha256();
  } catch {
    return refuse('unavailable', UNREADABLE, at);
  }
  if (sha256 !== file.sha256) return refuse('invalid_value', 'does not have the SHA-256 that the manifest says', at);
  if ('error' in made) throw made.error;
  return ok({ stored, made: made.value });
}

const refuseMissing = (found: 'absent' | 'other-length', { bytes }: ServedFile, at: FieldPath): Outcome<never> =>
  refuse('invalid_value', found === 'absent' ? 'is not in the store of files' : `is not ${bytes} bytes long in the store of files`, at);

/** The bytes of a file that a manifest names, which have its length and its hash. [M7] */
export async function readServedFile(
  bucket: ModelBucket,
  owner: string,
  file: ServedFile,
  at: FieldPath,
): Promise<Outcome<Uint8Array<ArrayBuffer>>> {
  let found: Awaited<ReturnType<ModelBucket['read']>>;
  try {
    found = await bucket.read(modelFileKey(owner, file.sha256), file.bytes);
  } catch {
    return refuse('unavailable', UNREADABLE, at);
  }
  if (typeof found === 'string') return refuseMissing(found, file, at);
  if ((await sha256Hex(found)) !== file.sha256) return refuse('invalid_value', 'does not have the SHA-256 that the manifest says', at);
  return ok(found);
}
