import { FILE_LIMITS } from '../../../../src/contract/files/file-limits.ts';
import type { ContentWriter, WrittenContent } from '../../../../src/gateway/files/file-store.ts';
import type { NewFile, StoredFile } from '../../../../src/gateway/files/file-store.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { toHex } from '../../../../src/kernel/bytes.ts';

/** Content that is complete: in memory where it is small, else an object of its own. */
export type StoredContent = WrittenContent & ({ readonly held: Uint8Array } | { readonly key: string });

interface ContentParts {
  readonly bucket: R2Bucket;
  /** Where content is stored that does not fit in one piece. */
  readonly key: string;
  /** Writes down that an upload in parts was begun, before the first part, and asks whether it may be. */
  readonly admit: (uploadId: string) => Promise<Outcome<unknown>>;
  /** What was written down is no longer needed. */
  readonly onOver: () => Promise<void>;
  /** Makes the file, once. */
  readonly commit: (file: NewFile, content: StoredContent) => Promise<StoredFile>;
  /** Whether the file that was made has this content. */
  readonly isOf: (file: StoredFile) => Promise<boolean>;
}

/** Writes content of any length, of which it holds one piece: R2 takes the others as parts of an object, all of the same size but the last. */
export class R2ContentWriter implements ContentWriter {
  readonly #parts: ContentParts;
  readonly #digest = new crypto.DigestStream('SHA-256');
  readonly #hashed = this.#digest.getWriter();
  #piece = new Uint8Array(FIRST_BYTES);
  #held = 0;
  #bytes = 0;
  #upload: R2MultipartUpload | undefined;
  #uploaded: R2UploadedPart[] = [];
  #finished: StoredContent | undefined;
  #isKept = false;

  constructor(parts: ContentParts) {
    this.#parts = parts;
    // A digest that is called off says so; nothing asks it any more.
    this.#digest.digest.catch(() => undefined);
  }

  async write(bytes: Uint8Array): Promise<Outcome<null>> {
    await this.#hashed.write(bytes);
    this.#bytes += bytes.length;
    for (let at = 0; at < bytes.length;) {
      // A full piece is sent once more comes: so the last one is never empty.
      if (this.#held === FILE_LIMITS.storedPartBytes) {
        const sent = await this.#send();
        if (!sent.ok) return sent;
      }
      const part = bytes.subarray(at, at + FILE_LIMITS.storedPartBytes - this.#held);
      this.#makeRoom(this.#held + part.length);
      this.#piece.set(part, this.#held);
      this.#held += part.length;
      at += part.length;
    }
    return ok(null);
  }

  async finish(): Promise<StoredContent> {
    if (this.#finished !== undefined) return this.#finished;
    await this.#hashed.close();
    const written = { bytes: this.#bytes, sha256: toHex(new Uint8Array(await this.#digest.digest)) };
    if (this.#upload === undefined) return (this.#finished = { ...written, held: this.#piece.subarray(0, this.#held) });
    await this.#send();
    await this.#upload.complete(this.#uploaded);
    return (this.#finished = { ...written, key: this.#parts.key });
  }

  async commit(file: NewFile): Promise<StoredFile> {
    const stored = await this.#parts.commit(file, await this.finish());
    this.#isKept = await this.#parts.isOf(stored);
    return stored;
  }

  async discard(): Promise<void> {
    if (this.#upload === undefined) return;
    // Refused where an erasure or a sweep has aborted it.
    if (this.#finished === undefined) await this.#upload.abort().catch(() => undefined);
    else if (!this.#isKept) await this.#parts.bucket.delete(this.#parts.key);
    await this.#parts.onOver();
  }

  async #send(): Promise<Outcome<null>> {
    if (this.#upload === undefined) {
      this.#upload = await this.#parts.bucket.createMultipartUpload(this.#parts.key);
      const admitted = await this.#parts.admit(this.#upload.uploadId);
      if (!admitted.ok) return admitted;
    }
    const number = this.#uploaded.length + 1;
    this.#uploaded.push(await this.#upload.uploadPart(number, this.#piece.subarray(0, this.#held)));
    this.#held = 0;
    return ok(null);
  }

  /** The piece grows with the content: most files are small. */
  #makeRoom(bytes: number): void {
    if (bytes <= this.#piece.length) return;
    const larger = new Uint8Array(Math.min(FILE_LIMITS.storedPartBytes, Math.max(bytes, 2 * this.#piece.length)));
    larger.set(this.#piece.subarray(0, this.#held));
    this.#piece = larger;
  }
}

const FIRST_BYTES = 64 * 1024;
