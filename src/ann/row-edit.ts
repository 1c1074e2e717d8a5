import type { Outcome } from '../contract/api/outcome.ts';
import type { IndexFields } from '../contract/indexes/index-fields.ts';
import { must } from '../kernel/assert.ts';
import { ok } from '../kernel/result.ts';
import { editedMetadata } from './metadata-edit.ts';
import type { Rows } from './rows.ts';
import type { ShardPatch, VectorColumns } from './shard-protocol.ts';
import type { Vectors } from './stored-vector.ts';
import { vectorsAt } from './stored-vector.ts';
import type { VectorEdit } from './vector-edit.ts';
import { editedContents } from './vector-edit.ts';

/** What the rows of an index have. */
interface RowShape {
  readonly dimensions: number;
  readonly fields?: IndexFields | undefined;
}

/** Rows as they are after a change, without those that were so before. */
interface EditedRows {
  readonly rows: Rows;
  /** Where each of them was among those read. */
  readonly positions: readonly number[];
}

/**
 * What a change makes of some of the rows that were read, with all their columns. Refuses with `limit_exceeded` what outgrows a limit, naming
 * the row.
 */
export function editedRows(
  found: VectorColumns,
  chosen: readonly number[],
  { namespace, ids: asked, edit }: Pick<ShardPatch, 'namespace' | 'ids' | 'edit'>,
  shape: RowShape,
): Outcome<EditedRows> {
  const positions: number[] = [];
  const [metadata, contents]: [(string | null)[], (string | null)[]] = [[], []];
  const placeOf = new Map(asked.map((id, place) => [id, place]));
  const placeAt = (at: number) => must(placeOf.get(idAt(found, at)), 'only rows of the change were read');
  for (const at of chosen) {
    const before = { metadata: found.metadata?.[at] ?? null, contents: found.contents?.[at] ?? null };
    const after = editedTexts(idAt(found, at), placeAt(at), before, edit);
    if (!after.ok) return after;
    const isSame = after.value.metadata === before.metadata && after.value.contents === before.contents;
    if (isSame && edit.kind !== 'values') continue;
    positions.push(at);
    metadata.push(after.value.metadata);
    contents.push(after.value.contents);
  }
  const ids = positions.map((at) => idAt(found, at));
  const vectors = editedVectors(found, positions, placeAt, edit, shape);
  const keepsTexts = edit.kind !== 'values' || isTextSearched(shape);
  const rows = {
    ids,
    namespaces: ids.map(() => namespace),
    ...vectors,
    metadata,
    texts: positions.map((at, i) => (keepsTexts || vectors.vectorless?.[i] === true ? (found.texts?.[at] ?? null) : null)),
    contents,
  };
  return ok({ rows, positions });
}

const idAt = ({ ids }: VectorColumns, at: number): string => must(ids[at], 'a row that is changed was read');

/** Whether a text is a value of its own, whatever made the vector. [TX213] */
const isTextSearched = ({ fields = {} }: RowShape): boolean =>
  Object.values(fields).some((field) => field.kind === 'text' && field.source === 'text');

interface EditedTexts {
  readonly metadata: string | null;
  readonly contents: string | null;
}

/** `place`: of the row's id among those of the change. */
function editedTexts(id: string, place: number, before: EditedTexts, edit: VectorEdit): Outcome<EditedTexts> {
  if (edit.kind === 'values') return ok(before);
  if (edit.kind === 'fields' || edit.kind === 'each_fields') {
    const [change, path] =
      edit.kind === 'fields' ? [edit, 'set'] : [must(edit.edits[place], 'each id of the change has its own'), 'vectors'];
    const contents = editedContents(id, before.contents, change, [path]);
    return contents.ok ? ok({ ...before, contents: contents.value }) : contents;
  }
  const metadata = editedMetadata(id, before.metadata, edit);
  return metadata.ok ? ok({ ...before, metadata: metadata.value }) : metadata;
}

function editedVectors(
  found: VectorColumns,
  positions: readonly number[],
  placeAt: (position: number) => number,
  edit: VectorEdit,
  { dimensions }: RowShape,
): Vectors {
  if (edit.kind !== 'values') return vectorsAt({ ...found, values: must(found.values, 'values were read') }, positions, dimensions);
  return vectorsAt(edit, positions.map(placeAt), dimensions);
}
