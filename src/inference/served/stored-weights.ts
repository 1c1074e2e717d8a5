import type { Refusal } from '../../contract/api/errors.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { must } from '../../kernel/assert.ts';
import type { WeightFiles } from '../encoder/weight-files.ts';
import { PIECE_BYTES } from '../encoder/weight-files.ts';
import { OWN_FILE } from '../onnx/detach-weights.ts';
import type { ModelRef } from '../served-manifest.ts';
import type { ModelBucket, StoredFile } from './model-bucket.ts';
import { openServedFile } from './model-bucket.ts';

/** Weights that cannot be read, as readers of weights reject. */
export class UnreadableWeights extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal.code);
    this.refusal = refusal;
  }
}

const NOTHING = { offset: 0, bytes: new Uint8Array() };

/** Reads a file by pieces of some megabytes, since each is a call of the store: constants that are used together mostly lie together. */
class PiecedFile {
  readonly #file: StoredFile;
  readonly #bytes: number;
  #piece: { readonly offset: number; readonly bytes: Uint8Array<ArrayBuffer> } = NOTHING;

  constructor(file: StoredFile, bytes: number) {
    this.#file = file;
    this.#bytes = bytes;
  }

  /** A view of the piece that is there. */
  async read(offset: number, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    if (bytes >= PIECE_BYTES) return this.#file.part(offset, bytes);
    const { offset: first, bytes: piece } = this.#piece;
    if (offset < first || offset + bytes > first + piece.length) {
      this.#piece = NOTHING;
      this.#piece = { offset, bytes: await this.#file.part(offset, Math.min(PIECE_BYTES, this.#bytes - offset)) };
    }
    const at = offset - this.#piece.offset;
    return this.#piece.bytes.subarray(at, at + bytes);
  }
}

/** The weights of a graph where they are stored: in its own file, and in those that it names. Each file is hashed before it is read from. [M146] */
export function storedWeights(
  { manifest, owner }: ModelRef,
  external: ReadonlyMap<string, string>,
  own: StoredFile,
  bucket: ModelBucket,
): WeightFiles {
  const fileAt = (path: string) =>
    must(
      manifest.files.find((file) => file.path === path),
      'the files of a graph are in the manifest',
    );
  const files = new Map<string, PiecedFile>([[OWN_FILE, new PiecedFile(own, fileAt(manifest.graph).bytes)]]);
  const opened = async (location: string): Promise<PiecedFile> => {
    const known = files.get(location);
    if (known !== undefined) return known;
    const path = must(external.get(location), 'the graph names the files of its weights');
    const open = must(bucket.open?.bind(bucket), 'the file of the graph was opened');
    const stored = await openServedFile(open, owner, fileAt(path), ['files', path], () => Promise.resolve());
    if (!stored.ok) throw new UnreadableWeights(stored.error);
    const file = new PiecedFile(stored.value.stored, fileAt(path).bytes);
    files.set(location, file);
    return file;
  };
  return {
    async read(location, offset, bytes) {
      const file = await opened(location);
      try {
        return await file.read(offset, bytes);
      } catch {
        const refused = refuse('unavailable', 'can no longer be read from the store of files; try again', ['files']);
        throw new UnreadableWeights(refused.error);
      }
    },
  };
}
