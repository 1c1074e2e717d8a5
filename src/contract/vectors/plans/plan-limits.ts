/** Limits of query plans: `POST /v1/indexes/{index}/search`. */
export const PLAN_LIMITS = {
  // Legs of one plan, those that are nested included. Each asks shards by itself: eight of a hundred shards are 800 calls, below the 1,000 that
  // the platform lets a request make.
  planLegsMaxCount: 8,
  // Legs within legs: a plan whose legs are plans of prefetched legs is three deep.
  planDepthMax: 3,
  // How deeply the JSON of a plan may nest, which its schema follows by recursion: room for three levels of legs with the deepest filter.
  planJsonDepthMax: 48,
  // Searches of one call: as many as a batch of queries has.
  planBatchSearchesMaxCount: 100,
  // Legs of all plans of one call: those that are not asked together with others make a call of a shard each, and 1,000 are the platform's bound.
  planBatchLegsMaxCount: 200,
  // Candidates that all stages of all plans of one call look at: a formula of the most expressions takes some 200 ms for so many.
  planBatchCandidatesMaxCount: 20_000,
  // Of the time that a plan has, this share is kept for reading its page: one round of calls, and another one for highlights.
  planPageShare: 0.1,
  // Milliseconds: longer than those calls take of shards that are there.
  planPageMsMax: 500,
  // What one leg finds at most: as many matches as every shard of a fan-out is asked for at once (`fanOutMatchesMaxCount`).
  planLegMatchesMaxCount: 1_000,
  // What a leg finds unless it says: deep enough that a document that two legs find has both of its scores, as in the fusions measured.
  planLegMatchesDefaultCount: 100,
  // Matches of one page, and how many it may skip: no leg finds more.
  planTopKMaxCount: 1_000,
  // Beyond, an average of some legs is that of one alone.
  planWeightMax: 1_000_000,
  // What of a text leg one field may count for; beyond, the others are noise.
  planFieldsMaxCount: 16,
  // Numbers of a sparse query: learned encoders make some 100 of a question, 500 of a passage.
  planSparseTermsMaxCount: 1_000,
  // Stages of one plan: each reads or orders the candidates once more.
  planStagesMaxCount: 8,
  // Candidates that one stage looks at: their metadata is read, some 20 ms of a shard.
  planStageDepthMaxCount: 1_000,
  // What a stage looks at unless it says, as a leg finds.
  planStageDepthDefaultCount: 100,
  // Vectors of a query that MaxSim compares: 100 candidates of 32 vectors take some 3 ms for every 32 of them.
  maxSimVectorsMaxCount: 128,
  // Multiplications of all MaxSim stages of one call: some 50 ms of the gateway's thread.
  maxSimProductsMaxCount: 160_000_000,
  // Texts that a reranking model is given at once: between them it is seen what time is left.
  rerankSliceCount: 16,
  // Expressions of one formula, each evaluated for every candidate: 1,000 candidates take some 10 ms.
  formulaNodesMaxCount: 64,
  // How deeply they nest.
  formulaDepthMax: 8,
  // Properties whose values one plan counts.
  planFacetsMaxCount: 8,
  // Values of one facet that are answered.
  planFacetValuesMaxCount: 100,
  // What is answered of a facet unless it says: as many as a page shows.
  planFacetValuesDefaultCount: 10,
  // Fragments of one text that are highlighted, and their length.
  highlightFragmentsMaxCount: 10,
  // A sentence or two.
  highlightCharsDefaultCount: 160,
  // Longer fragments are the text itself.
  highlightCharsMaxCount: 1_000,
} as const;
