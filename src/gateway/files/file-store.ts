import type { Outcome } from '../../contract/api/outcome.ts';
import type { FileId, TenantId } from '../../kernel/ids.ts';

/** A file as stored, without its content. */
export interface StoredFile {
  readonly id: FileId;
  readonly filename: string;
  readonly purpose: string;
  readonly owner: string;
  readonly bytes: number;
  readonly createdAtMs: number;
  /** From then on it counts as deleted (J150); null: never. */
  readonly expiresAtMs: number | null;
  /** The digest of the request, if it came with an idempotency key. */
  readonly digest: string;
  /** Of the content, in hex. Absent: it is not known. */
  readonly sha256?: string;
}

export type NewFile = Omit<StoredFile, 'bytes'>;

export const isExpired = ({ expiresAtMs }: StoredFile, nowMs: number): boolean => expiresAtMs !== null && expiresAtMs <= nowMs;

/** Files that were uploaded under an idempotency key and deleted since. */
export interface SpentFiles {
  /** Before the file is deleted. */
  spend(tenantId: TenantId, id: FileId, digest: string): Promise<Outcome<null>>;
  /** Refuses with `idempotency_key_spent`, or with `idempotency_mismatch` where another request uploaded it. */
  admit(tenantId: TenantId, id: FileId, digest: string): Promise<Outcome<null>>;
}

/** A file that is written, or was when its writer died. */
export interface AnnouncedWrite {
  readonly id: string;
  readonly fileId: FileId;
  readonly atMs: number;
}

/** What takes the content of a file as it comes. */
export interface ContentSink {
  /** The next bytes; refuses once they are too many. */
  write(bytes: Uint8Array): Promise<Outcome<null>>;
}

/** What was written, once it is all there. */
export interface WrittenContent {
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
}

/** Content on its way into the store. No file has it until it is committed. */
export interface ContentWriter extends ContentSink {
  /** Ends the content. A repetition answers the same. */
  finish(): Promise<WrittenContent>;
  /** Makes the file of it, in one step and once: what is already there under the id of the file stays as it is, and is answered. */
  commit(file: NewFile): Promise<StoredFile>;
  /** Removes what no file has. */
  discard(): Promise<void>;
}

/** How files come to be. `Content` is a stream or blob of the runtime. */
export interface FileWrites<Content> {
  /**
   * Writes a file once: what is already there under that id stays as it is, and is answered. Rejects, and stores nothing, where the content is
   * not what `sha256` says.
   */
  create(tenantId: TenantId, file: NewFile, content: Content): Promise<StoredFile>;
  /**
   * Content for a file. What does not fit in memory is stored before its file: that it is was written down first (`begun`), and then `admit` was
   * asked, whose refusal `write` answers.
   */
  open(tenantId: TenantId, fileId: FileId, admit: () => Promise<Outcome<unknown>>): Promise<ContentWriter>;
  /** Writes down that a file may be about to be written; answers the id of this note. */
  announce(tenantId: TenantId, fileId: FileId): Promise<string>;
  withdraw(tenantId: TenantId, announcementId: string): Promise<void>;
  find(tenantId: TenantId, id: FileId): Promise<StoredFile | undefined>;
  delete(tenantId: TenantId, id: FileId): Promise<void>;
}

/** Where files live, by tenant. */
export interface FileStore<Content> extends FileWrites<Content> {
  /** Content that is stored and may be no file's, at most `count`. */
  begun(tenantId: TenantId, count: number): Promise<{ readonly begun: readonly AnnouncedWrite[] }>;
  /** Removes such content, unless it became that of its file. Its writer can store no more of it. */
  discard(tenantId: TenantId, begun: AnnouncedWrite): Promise<void>;
  read(tenantId: TenantId, id: FileId): Promise<Content | undefined>;
  /** Its content as it is read; nothing where there is none. */
  pieces(tenantId: TenantId, id: FileId): AsyncIterable<Uint8Array>;
  /** Its first bytes, at most `count`. */
  beginning(tenantId: TenantId, id: FileId, count: number): Promise<Uint8Array | undefined>;
  /** Files by id, after `after`, at most `count`; `more` when there are more behind them. */
  list(tenantId: TenantId, after: string, count: number): Promise<{ readonly files: readonly StoredFile[]; readonly more: boolean }>;
  /** At most `count`: what was announced before the call and is not withdrawn is among them, or they are as many. */
  announced(tenantId: TenantId, count: number): Promise<{ readonly announced: readonly AnnouncedWrite[] }>;
}
