import { expect } from 'vitest';

// oxlint-disable-next-line typescript/no-explicit-any -- answers of every shape
type Body = any;

/** What examples of the APIs of Cohere, TEI and KServe answer. */
export const surfaceEffects = {
  cohereEmbed: ({ embeddings }: Body) => expect([embeddings.float[0].length, embeddings.int8[0].length]).toEqual([100, 100]),
  cohereEmbedV1: ({ embeddings }: Body) => expect(embeddings.map((vector: Body) => vector.length)).toEqual([100, 100]),
  cohereRerank: ({ results }: Body) => expect(results.map(({ index }: Body) => index)).toEqual([1]),
  teiEmbed: (vectors: Body) => expect(vectors.length).toBe(2),
  teiRerank: (ranked: Body) => expect(ranked.map(({ index }: Body) => index)).toEqual([1, 0]),
  teiModel: (vectors: Body) => expect(vectors.length).toBe(1),
  teiModelEmbed: ([vector]: Body) => expect(vector.length).toBe(100),
  teiModelEmbedSparse: ({ error }: Body) => expect(error).toContain('glove-sif-100 makes dense'),
  teiModelEmbedAll: ({ error }: Body) => expect(error).toContain('glove-sif-100 makes dense'),
  teiModelRerank: ([{ text }]: Body) => expect(text).toBe('the lock keeper opens the gates'),
  kserveServer: ({ name, extensions }: Body) =>
    expect({ name, extensions }).toEqual({ name: 'sluice', extensions: ['binary_tensor_data', 'model_configuration', 'model_repository'] }),
  kserveLive: (body: Body) => expect(body).toEqual({ live: true }),
  kserveReady: (body: Body) => expect(body).toEqual({ ready: true }),
  kserveModels: (models: Body) => expect(models.map(({ name }: Body) => name)).toContain('glove-sif-100'),
  kserveModel: ({ outputs }: Body) => expect(outputs).toEqual([{ name: 'embedding', datatype: 'FP32', shape: [-1, 100] }]),
  kserveModelReady: (body: Body) => expect(body).toEqual({ name: 'glove-sif-100', ready: true }),
  kserveModelConfig: ({ input }: Body) => expect(input).toEqual([{ name: 'text', data_type: 'TYPE_STRING', dims: [-1] }]),
  kserveVersion: ({ versions }: Body) => expect(versions).toEqual(['2']),
  kserveVersionReady: ({ ready }: Body) => expect(ready).toBe(true),
  kserveVersionConfig: ({ platform }: Body) => expect(platform).toBe('sluice_text'),
  kserveInfer: ({ outputs: [{ shape, data }] }: Body) => expect([shape, data.length]).toEqual([[1, 100], 100]),
  kserveVersionInfer: ({ model_version: version }: Body) => expect(version).toBe('2'),
};
