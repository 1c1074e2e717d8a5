import type { PlanBody } from '../../../contract/vectors/plans/plans.ts';
import type { IndexManifest } from '../../../index/index-manifest.ts';
import { embeddingFor } from '../../../index/index-manifest.ts';
import type { Reranker } from '../../embeddings/rerank.ts';
import type { TextEmbedder } from '../../embeddings/text-embedder.ts';
import { bytesHeld } from '../kept-bytes.ts';
import type { SearchKind } from '../query-cache.ts';
import { API_LIMITS } from '../../../contract/api/api-limits.ts';
import type { Clock } from '../../../kernel/clock.ts';
import type { EmbeddingOutput } from '../../../inference/embedding-output.ts';
import { checkPlan } from './check-plan.ts';
import { fieldEmbedding, fieldsOfKind } from './known-fields.ts';
import type { FoundPlan, PlanCaller, Plans } from './plans.ts';

interface PlanKindParts {
  readonly plans: Pick<Plans, 'searchAll'>;
  readonly embedder: Pick<TextEmbedder, 'contractOf'>;
  readonly reranker: Pick<Reranker, 'meaningOf'>;
  readonly clock: Clock;
}

/** Plans, to the cache of searches. [TX285] */
export const planKind = ({ plans, clock, ...models }: PlanKindParts): SearchKind<PlanCaller, PlanBody, FoundPlan> => ({
  name: 'plan',
  search: (caller, index, asked, deadlineMs) =>
    plans.searchAll(caller, index, asked, deadlineMs ?? clock.nowMs() + API_LIMITS.queryDeadlineDefaultMs),
  embeddingOf: (manifest) => embeddingFor(manifest, 'queries'),
  modelsOf: (manifest, body) => modelsOf(manifest, body, models),
  bytesOf: (found) => (isPartial(found) ? Infinity : bytesOf(found)),
  isPartial,
});

const isPartial = ({ missing, cutParts }: FoundPlan): boolean => missing.length > 0 || cutParts.length > 0;

/** Facets and highlights are small text; explained answers are not kept. */
const bytesOf = ({ page, facets }: FoundPlan): number =>
  bytesHeld(page) + 2 * JSON.stringify([facets, page.groups, [...(page.highlights?.values() ?? [])]]).length;

/** A model by its own name, and by its version. */
const namesOf = (model: string, version: string): string[] => [model, `${model}@${version}`];

/** A model whose numbers of texts have to be of one contract. */
interface Pinned {
  readonly model: string;
  readonly contractHash: string | undefined;
  readonly output: EmbeddingOutput;
}

/** The models that read texts of a plan. A plan that is refused has none. */
async function modelsOf(
  manifest: IndexManifest,
  body: PlanBody,
  { embedder, reranker }: Omit<PlanKindParts, 'plans' | 'clock'>,
): Promise<readonly string[]> {
  const checked = checkPlan(manifest, body);
  if (!checked.ok) return [];
  const { tenantId } = manifest;
  const ofLegs = checked.value.legs.flatMap(({ leg }): readonly Pinned[] => {
    if (leg.kind === 'vector' && leg.text !== undefined) {
      const dense = leg.field === '' ? embeddingFor(manifest, 'queries') : fieldEmbedding(manifest, leg.field);
      return dense === null ? [] : [{ ...dense, output: 'dense' }];
    }
    return leg.kind === 'sparse' && leg.text !== undefined ? pinnedOf(manifest, 'sparse', leg.field) : [];
  });
  const ofStages = body.stages.flatMap((stage) =>
    stage.kind === 'max_sim' && stage.text !== undefined ? pinnedOf(manifest, 'multi_vector', stage.field) : [],
  );
  const read = [...ofLegs, ...ofStages].map(async ({ model, contractHash, output }) => {
    const contract = await embedder.contractOf(tenantId, model, contractHash, output);
    return contract.ok ? namesOf(contract.value.id, contract.value.version) : [model];
  });
  const ranked = body.stages.flatMap((stage) => {
    if (stage.kind !== 'rerank') return [];
    return [
      reranker
        .meaningOf(tenantId, stage.model)
        .then((meant) => [stage.model, ...(meant.ok ? namesOf(meant.value.model, meant.value.version) : [])]),
    ];
  });
  return [...new Set((await Promise.all([...read, ...ranked])).flat())];
}

function pinnedOf(manifest: IndexManifest, kind: 'sparse' | 'multi_vector', name: string): readonly Pinned[] {
  const [, field] = fieldsOfKind(manifest, kind).find(([other]) => other === name) ?? [];
  if (field?.model === undefined || field.model === null) return [];
  return [{ model: field.model, contractHash: field.contractHash, output: kind === 'sparse' ? 'sparse' : 'tokens' }];
}
