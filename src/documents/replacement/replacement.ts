import type { FileId } from '../../kernel/ids.ts';
import { canonicalJson } from '../../kernel/canonical-json.ts';
import type {
  DocumentAsker,
  DocumentFault,
  DocumentKey,
  DocumentRecord,
  DocumentSourceFile,
  DocumentTerms,
  WrittenVersion,
} from './document-record.ts';

/** A version that is asked for. */
export interface AskedVersion {
  readonly by: DocumentAsker;
  readonly terms: DocumentTerms;
  readonly source: DocumentSourceFile;
}

/** What a try to write a version has come to. */
export type WritingProgress = Pick<WrittenVersion, 'bytesRead' | 'chunks' | 'tokens' | 'added'>;

const NOTHING_WRITTEN: WritingProgress = { bytesRead: 0, chunks: 0, tokens: 0, added: 0 };

/** What happens to a document. Those that name a version are of a try to write it. */
export type DocumentChange =
  | { readonly kind: 'begun' }
  | { readonly kind: 'progressed'; readonly version: number; readonly progress: WritingProgress }
  | { readonly kind: 'flipped'; readonly version: number }
  | { readonly kind: 'failed'; readonly fault: Omit<DocumentFault, 'atMs'> }
  | { readonly kind: 'delayed'; readonly version: number | null; readonly dueMs: number }
  | { readonly kind: 'removed'; readonly by: DocumentAsker }
  | { readonly kind: 'cleared'; readonly files: readonly FileId[] };

/** Whether what is asked for is what is served, or on its way there. [DC54] */
export function isAlready(record: DocumentRecord, { terms, source }: Omit<AskedVersion, 'by'>): boolean {
  const last = record.isRemoved ? null : (record.next ?? (record.fault === null ? record.served : null));
  return last !== null && last.source.sha256 === source.sha256 && canonicalJson(last.terms) === canonicalJson(terms);
}

/** The document once a version is asked for: what was being written before it is given up. [DC51] */
export function asked(record: DocumentRecord | undefined, key: DocumentKey, version: AskedVersion, nowMs: number): DocumentRecord {
  const { by, terms, source } = version;
  const latest = (record?.latest ?? 0) + 1;
  const next = { number: latest, terms, source, askedAtMs: nowMs, tries: 0, ...NOTHING_WRITTEN };
  return {
    ...key,
    by,
    served: record?.served ?? null,
    next,
    fault: record?.fault ?? null,
    isRemoved: false,
    latest,
    spent: spentOf(record, [record?.next?.source], [source, record?.served?.source]),
    dueMs: nowMs,
    createdAtMs: record?.createdAtMs ?? nowMs,
    updatedAtMs: nowMs,
  };
}

/**
 * The document after a change; undefined: the change is of a try that was given up since. Every try has a number of its own, so nothing of one that was
 * interrupted is taken for part of the next. [DC50] [DC52]
 */
export function changed(record: DocumentRecord, change: DocumentChange, nowMs: number): DocumentRecord | undefined {
  switch (change.kind) {
    case 'begun':
      return record.next === null ? undefined : begun(record, record.next);
    case 'progressed':
      return ofTry(record, change.version, (next) => ({ ...record, next: { ...next, ...change.progress } }));
    case 'flipped':
      return ofTry(record, change.version, (next) => flipped(record, next, nowMs));
    case 'failed':
      return ofTry(record, change.fault.version, (next) => ({
        ...record,
        next: null,
        fault: { ...change.fault, atMs: nowMs },
        spent: spentOf(record, [next.source], [record.served?.source]),
        dueMs: nowMs,
        updatedAtMs: nowMs,
      }));
    case 'delayed':
      return (record.next?.number ?? null) === change.version ? { ...record, dueMs: change.dueMs } : undefined;
    case 'removed':
      return {
        ...record,
        by: change.by,
        served: null,
        next: null,
        isRemoved: true,
        spent: spentOf(record, [record.served?.source, record.next?.source], []),
        dueMs: nowMs,
        updatedAtMs: nowMs,
      };
    case 'cleared':
      return { ...record, spent: record.spent.filter((file) => !change.files.includes(file)) };
  }
}

function begun(record: DocumentRecord, next: WrittenVersion): DocumentRecord {
  const latest = record.latest + 1;
  return { ...record, latest, next: { ...next, number: latest, tries: next.tries + 1, ...NOTHING_WRITTEN } };
}

function flipped(record: DocumentRecord, next: WrittenVersion, nowMs: number): DocumentRecord {
  const { number, terms, source, askedAtMs, chunks, tokens, added } = next;
  return {
    ...record,
    served: { number, terms, source, askedAtMs, chunks, tokens, added, servedAtMs: nowMs },
    next: null,
    fault: null,
    spent: spentOf(record, [record.served?.source], [source]),
    dueMs: nowMs,
    updatedAtMs: nowMs,
  };
}

const ofTry = (record: DocumentRecord, version: number, change: (next: WrittenVersion) => DocumentRecord): DocumentRecord | undefined =>
  record.next?.number === version ? change(record.next) : undefined;

/** Its spent files, with those of sources that go and are no source of what stays. [DC58] */
function spentOf(
  record: DocumentRecord | undefined,
  gone: readonly (DocumentSourceFile | undefined)[],
  kept: readonly (DocumentSourceFile | undefined)[],
): readonly FileId[] {
  const files = new Set(record?.spent);
  for (const source of gone) if (source?.isOwn === true) files.add(source.file);
  for (const source of kept) if (source !== undefined) files.delete(source.file);
  return [...files];
}
