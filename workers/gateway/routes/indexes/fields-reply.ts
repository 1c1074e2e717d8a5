import type { FieldsReply, IndexField, IndexFields } from '../../../../src/contract/indexes/index-fields.ts';

/** The fields of an index, as answers have them. */
export const fieldsReplyOf = (fields: IndexFields = {}): FieldsReply =>
  Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, replyOf(field)]));

function replyOf(field: IndexField): FieldsReply[string] {
  if (field.kind === 'text') return { kind: field.kind, ...field.analysis, weight: field.weight, source: field.source };
  const pinned = { model: field.model, contract_hash: field.contractHash ?? null };
  if (field.kind === 'sparse') return { kind: field.kind, idf: field.idf, ...pinned };
  if (field.kind === 'multi_vector') return { kind: field.kind, dimensions: field.dimensions, ...pinned };
  return { kind: field.kind, dimensions: field.dimensions, metric: field.metric, ...pinned };
}
