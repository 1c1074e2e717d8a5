import type { Outcome } from '../contract/outcome.ts';
import { refuse } from '../contract/outcome.ts';
import { parse } from '../contract/parse.ts';
import { metadata as metadataSchema } from '../contract/vector-fields.ts';
import { ok } from '../kernel/result.ts';
import { editMetadata } from './metadata-edit.ts';
import type { VectorEdit } from './shard-protocol.ts';

const ID_CHARS_SHOWN = 64;

/** The metadata of a vector after an edit. Refuses what would outgrow a limit, naming the vector. */
export function editedMetadata(id: string, before: string | null, edit: VectorEdit): Outcome<string | null> {
  if (edit.kind === 'values') return ok(before);
  const after = editMetadata(before, edit);
  if (after === null) return ok(null);
  const checked = parse(metadataSchema, after);
  return checked.ok
    ? checked
    : refuse(checked.error.code, `the metadata of ${JSON.stringify(id.slice(0, ID_CHARS_SHOWN))} ${checked.error.message}`, 'metadata');
}
