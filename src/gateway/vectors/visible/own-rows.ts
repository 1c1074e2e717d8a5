import type { MetadataEdit } from '../../../ann/metadata-edit.ts';
import type { FieldPath } from '../../../contract/api/field-path.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import { DOCUMENT_MEMBER, LABELS_MEMBER } from '../../../contract/documents/document-members.ts';
import type { Filter } from '../../../contract/vectors/filter.ts';
import { rowNameOf } from '../../../documents/store/row-id.ts';
import { ok } from '../../../kernel/result.ts';

/** What of a caller's own row may be reserved for rows that hold documents. */
interface OwnRow {
  readonly id: string;
  /** JSON of an object. */
  readonly metadata?: string | null | undefined;
}

interface OwnRowPaths {
  readonly id: FieldPath;
  readonly metadata: FieldPath;
}

const RESERVED: ReadonlySet<unknown> = new Set([DOCUMENT_MEMBER, LABELS_MEMBER]);

const reserved = (at: FieldPath) =>
  refuse('invalid_value', 'is reserved: vectors that hold documents have it, and those alone. Give the member another name', at);

/** Refuses ids and metadata that are those of documents, naming the first. [DC98] */
export function checkOwnRows(rows: readonly OwnRow[], pathsOf: (at: number) => OwnRowPaths): Outcome<null> {
  for (const [at, { id, metadata }] of rows.entries()) {
    if (rowNameOf(id) !== undefined) return chunkId(pathsOf(at).id, id);
    const name = reservedIn(metadata ?? null);
    if (name !== undefined) return reserved([...pathsOf(at).metadata, name]);
  }
  return ok(null);
}

/** Refuses ids that are those of chunks: what holds a document is changed with it. [DC98] */
export function checkOwnIds(ids: readonly string[], pathOf: (at: number) => FieldPath): Outcome<null> {
  const at = ids.findIndex((id) => rowNameOf(id) !== undefined);
  return at === -1 ? ok(null) : chunkId(pathOf(at), ids[at] ?? '');
}

/** Refuses changes of what is reserved. [DC98] */
export function checkOwnEdit(edit: MetadataEdit): Outcome<null> {
  switch (edit.kind) {
    case 'set': {
      if (edit.at.length > 0) return RESERVED.has(edit.at[0]) ? reserved(['at']) : ok(null);
      const name = reservedIn(edit.fields);
      return name === undefined ? ok(null) : reserved(['set', name]);
    }
    case 'unset': {
      const at = edit.paths.findIndex(([first]) => RESERVED.has(first));
      return at === -1 ? ok(null) : reserved(['unset', at]);
    }
    case 'replace': {
      const name = reservedIn(edit.metadata);
      return name === undefined ? ok(null) : reserved(['replace', name]);
    }
  }
}

/** What a filter accepts of rows that hold no documents: these are changed and deleted with their documents alone. [DC98] */
export const ofOwnRows = (filter: Filter): Filter => ({
  kind: 'and',
  of: [filter, { kind: 'not', of: { kind: 'exists', path: DOCUMENT_MEMBER } }],
});

/** The reserved member of metadata, if it has one. Names stand in JSON that was written here as they are. */
function reservedIn(metadata: string | null): string | undefined {
  if (metadata === null || (!metadata.includes(DOCUMENT_MEMBER) && !metadata.includes(LABELS_MEMBER))) return undefined;
  return Object.keys(JSON.parse(metadata) as object).find((name) => RESERVED.has(name));
}

function chunkId(at: FieldPath, id: string) {
  const { document = '' } = rowNameOf(id) ?? {};
  const what = `is an id as chunks of documents have, here of the document ${JSON.stringify(document)}: put that, or choose another id`;
  return refuse('invalid_value', what, at);
}
