import type {
  IndexField,
  IndexFields,
  MultiVectorField,
  NewFields,
  SparseField,
  VectorField,
} from '../../contract/indexes/index-fields.ts';
import { FIELD_LIMITS } from '../../contract/indexes/field-limits.ts';
import { refusalAt } from '../../contract/api/errors.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { must } from '../../kernel/assert.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { err, ok } from '../../kernel/result.ts';
import type { TextEmbedder } from '../embeddings/text-embedder.ts';

type NewField = NewFields[string];
type Contracts = Pick<TextEmbedder, 'contractOf'>;

/**
 * The fields of an index as they are kept: those that name a model are pinned to its contract, as the index is to that of its vectors. Refuses
 * with `model_not_found`, or a model that makes no vectors of the field's form, naming the field. [TX231]
 */
export async function pinnedFields(embedder: Contracts, tenantId: TenantId, given: NewFields): Promise<Outcome<IndexFields>> {
  const fields: [name: string, field: IndexField][] = [];
  for (const [name, field] of Object.entries(given)) {
    const pinned = await pinnedField(embedder, tenantId, field);
    if (!pinned.ok) return err(refusalAt(pinned.error, ['fields', name, ...(pinned.error.path ?? [])]));
    fields.push([name, pinned.value]);
  }
  return ok(Object.fromEntries(fields));
}

async function pinnedField(embedder: Contracts, tenantId: TenantId, field: NewField): Promise<Outcome<IndexField>> {
  if (field.kind === 'text') {
    const { kind, weight, source, ...analysis } = field;
    return ok({ kind, analysis, weight, source });
  }
  if (field.kind === 'vector') return vectorField(embedder, tenantId, field);
  return field.kind === 'sparse' ? sparseField(embedder, tenantId, field) : multiVectorField(embedder, tenantId, field);
}

async function vectorField(
  embedder: Contracts,
  tenantId: TenantId,
  { kind, metric, ...given }: Extract<NewField, { readonly kind: 'vector' }>,
): Promise<Outcome<VectorField>> {
  const pinned = await withDimensions(embedder, tenantId, given, 'dense');
  return pinned.ok ? ok({ kind, metric, ...pinned.value }) : pinned;
}

async function sparseField(
  embedder: Contracts,
  tenantId: TenantId,
  { kind, idf, model }: Extract<NewField, { readonly kind: 'sparse' }>,
): Promise<Outcome<SparseField>> {
  if (model === undefined) return ok({ kind, idf, model: null });
  const contract = await embedder.contractOf(tenantId, model, undefined, 'sparse');
  return contract.ok ? ok({ kind, idf, model: contract.value.id, contractHash: contract.value.contractHash }) : contract;
}

async function multiVectorField(
  embedder: Contracts,
  tenantId: TenantId,
  { kind, ...given }: Extract<NewField, { readonly kind: 'multi_vector' }>,
): Promise<Outcome<MultiVectorField>> {
  const pinned = await withDimensions(embedder, tenantId, given, 'tokens');
  if (!pinned.ok) return pinned;
  const { dimensions: made, model } = pinned.value;
  if (made <= FIELD_LIMITS.multiVectorDimensionsMaxCount) return ok({ kind, ...pinned.value });
  const what = `the vectors of ${model} have ${made} numbers`;
  return refuseBeyond({ path: 'model', limit: 'multiVectorDimensionsMaxCount', value: made, what });
}

/** The model that a field is pinned to, if it names one, and the dimensions of its vectors. */
async function withDimensions(
  embedder: Contracts,
  tenantId: TenantId,
  { model, dimensions }: { readonly model?: string | undefined; readonly dimensions?: number | undefined },
  output: 'dense' | 'tokens',
): Promise<Outcome<Pick<VectorField, 'dimensions' | 'model' | 'contractHash'>>> {
  if (model === undefined) return ok({ dimensions: must(dimensions, 'the schema asks for dimensions or a model'), model: null });
  const contract = await embedder.contractOf(tenantId, model, undefined, output);
  if (!contract.ok) return contract;
  const { id, dimensions: made, contractHash } = contract.value;
  if (dimensions === undefined || dimensions === made) return ok({ dimensions: made, model: id, contractHash });
  return refuse('dimension_mismatch', `is ${dimensions}; the vectors of ${id} have ${made} numbers`, 'dimensions');
}
