import { refusalAt, withDetail } from '../contract/errors.ts';
import type { Outcome } from '../contract/outcome.ts';
import { parse } from '../contract/parse.ts';
import { metadata as metadataSchema } from '../contract/vector-fields.ts';
import { err, ok } from '../kernel/result.ts';
import { editMetadata } from './metadata-edit.ts';
import type { VectorEdit } from './shard-protocol.ts';

const ID_CHARS_SHOWN = 64;

/** The metadata of a vector after an edit. Refuses what would outgrow a limit, naming the vector. */
export function editedMetadata(id: string, before: string | null, edit: VectorEdit): Outcome<string | null> {
  if (edit.kind === 'values') return ok(before);
  const after = editMetadata(before, edit);
  if (after === null) return ok(null);
  const checked = parse(metadataSchema, after);
  if (checked.ok) return checked;
  // The metadata was made here: no schema of the request refused it.
  const { schema: _, ...error } = checked.error;
  return err(withDetail(refusalAt(error, ['metadata']), `it is that of ${JSON.stringify(id.slice(0, ID_CHARS_SHOWN))}`));
}
