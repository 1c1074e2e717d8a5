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
    return refuse('unavailable', 'cannot be read from the store of files; try again', at);
  }
  if (found === 'absent') return refuse('invalid_value', 'is not in the store of files', at);
  if (found === 'other-length') return refuse('invalid_value', `is not ${file.bytes} bytes long in the store of files`, at);
  if ((await sha256Hex(found)) !== file.sha256) return refuse('invalid_value', 'does not have the SHA-256 that the manifest says', at);
  return ok(found);
}
