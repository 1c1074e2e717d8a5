import { messageOf } from '../../../../src/contract/api/errors.ts';
import { pinnedName } from '../../../../src/contract/api/model-name.ts';
import type { AnthropicModelReply, ModelReply } from '../../../../src/contract/models/models.ts';
import type { ModelVersionReply } from '../../../../src/contract/models/model-versions.ts';
import type { ListedModel } from '../../../../src/gateway/models/model-catalogue.ts';
import { PLATFORM } from '../../../../src/inference/registry/version-manifest.ts';
import type { ModelEvent } from '../../../../src/inference/registry/model-record.ts';
import type { ModelVersion } from '../../../../src/inference/registry/model-registry.ts';
import { stageOf, WHOLE_PPM } from '../../../../src/inference/registry/model-record.ts';
import { must } from '../../../../src/kernel/assert.ts';
import { seconds } from '../wire.ts';

/** A model as Anthropic's clients read it. [G128] */
export function anthropicModelReply(listed: ListedModel): AnthropicModelReply {
  const { id, created, max_input_tokens: tokensMax } = modelReply(listed);
  return {
    type: 'model',
    id,
    display_name: id,
    created_at: `${new Date(created * 1_000).toISOString().slice(0, 19)}Z`,
    max_input_tokens: tokensMax === 0 ? null : tokensMax,
    max_tokens: null,
    capabilities: null,
    lifecycle: 'active',
    line: null,
    deprecated_at: null,
    retires_at: null,
  };
}

export function modelReply(listed: ListedModel): ModelReply {
  if (listed.kind === 'builtin') {
    const { id, createdS, ownedBy, version, dimensions, tokensMax, vocabularySize, contractHash, retrievalQuality } = listed.manifest;
    return {
      // The newest version answers to the name alone.
      id: listed.isNewest ? id : pinnedName(listed.manifest),
      object: 'model',
      created: createdS,
      owned_by: ownedBy,
      task: 'embedding',
      version,
      stage: 'serving',
      canary: null,
      aliases: [...listed.aliases],
      dimensions,
      max_input_tokens: tokensMax,
      vocabulary_size: vocabularySize,
      contract_hash: contractHash,
      retrieval_quality: retrievalQuality ?? null,
    };
  }
  if (listed.kind === 'upstream') return listed.row;
  const { model, aliases, shown: version } = listed.view;
  const shown = must(version, 'a model has a version');
  return {
    id: model.name,
    object: 'model',
    created: seconds(model.createdAtMs),
    owned_by: listed.owner === PLATFORM ? PLATFORM : shown.manifest.team,
    task: model.task,
    version: String(shown.version),
    stage: stageOf(model, shown),
    canary: model.canary === null ? null : { version: model.canary.version, share: model.canary.sharePpm / WHOLE_PPM },
    aliases: aliases.map(({ alias }) => alias),
    dimensions: shown.manifest.dimensions === 0 ? null : shown.manifest.dimensions,
    max_input_tokens: shown.manifest.tokensMax,
    vocabulary_size: null,
    contract_hash: shown.contractHash,
    retrieval_quality: shown.manifest.retrievalQuality ?? null,
  };
}

export function versionReply({ model, version }: ModelVersion): ModelVersionReply {
  const { manifest, checks } = version;
  return {
    object: 'model.version',
    model: version.model,
    version: version.version,
    stage: stageOf(model, version),
    created: seconds(version.createdAtMs),
    owner: manifest.team,
    task: manifest.task,
    contract_hash: version.contractHash,
    compatible_with: version.compatibleWith,
    files: manifest.files.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 })),
    graph: manifest.graph,
    external_data: [...manifest.externalData],
    tokens_max: manifest.tokensMax,
    dimensions: manifest.dimensions === 0 ? null : manifest.dimensions,
    pooling: manifest.pooling,
    normalised: manifest.isNormalised,
    labels: [...manifest.labels],
    activation: manifest.activation,
    prompts: { ...manifest.prompts },
    licence: manifest.licence,
    recipe: manifest.recipe,
    evaluation: manifest.evaluation,
    retrieval_quality: manifest.retrievalQuality ?? null,
    parents: [...manifest.parents],
    checks:
      checks === null
        ? null
        : {
            at: seconds(checks.atMs),
            passed: checks.refusal === null,
            error: checks.refusal === null ? null : { code: checks.refusal.code, message: messageOf(checks.refusal) },
            measured: { ...checks.measured },
          },
  };
}

export const eventReply = ({ position, atMs, actor, action, version, detail }: ModelEvent) => ({
  id: String(position),
  at: seconds(atMs),
  by: actor,
  action,
  version,
  detail,
});
