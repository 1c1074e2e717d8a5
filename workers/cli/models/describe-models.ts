import { sha256Hex } from '../../../src/kernel/bytes.ts';
import type { BuiltStaticModel } from '../../../src/inference/build/build-static-model.ts';
import { rowCount } from '../../../src/inference/build/matrix.ts';
import type { EmbeddingContract } from '../../../src/inference/embedding-contract.ts';
import { contractHash } from '../../../src/inference/embedding-contract.ts';
import type { ModelManifest } from '../../../src/inference/model-manifest.ts';
import { WORD_TOKENISER_VERSION } from '../../../src/inference/word-tokeniser.ts';
import { GLOVE_SIF_100 } from './glove-sif-100.ts';

/** The two models one file makes. Their vectors agree to rounding, so they share a contract. */
export async function describeModels(
  onnx: Uint8Array,
  { vocabulary, table, axes }: BuiltStaticModel,
): Promise<{ static: ModelManifest; onnx: ModelManifest; contract: EmbeddingContract }> {
  const { id, version, sifA, opset, tokensMax, createdS } = GLOVE_SIF_100;
  const modelSha256 = await sha256Hex(onnx);
  const vocabularySize = rowCount(table);
  const dimensions = table.columns;
  const contract: EmbeddingContract = {
    modelSha256,
    tokeniserVersion: WORD_TOKENISER_VERSION,
    vocabularySha256: await sha256Hex(vocabulary),
    vocabularySize,
    dimensions,
    sifA,
    axesSha256: await sha256Hex(new Uint8Array(axes.values.buffer)),
    normalisation: 'l2',
    outputQuantiser: 'float32',
    opset,
  };
  const shared = {
    version,
    dimensions,
    vocabularySize,
    tokensMax,
    contractHash: await contractHash(contract),
    file: { path: `${id}/model.onnx`, bytes: onnx.length, sha256: modelSha256 },
    createdS,
    ownedBy: 'sluice',
  };
  return { static: { id, runner: 'static', ...shared }, onnx: { id: `${id}-onnx`, runner: 'onnx', ...shared }, contract };
}
