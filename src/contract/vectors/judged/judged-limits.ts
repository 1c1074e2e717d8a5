/** Limits of evaluations: `POST /v1/indexes/{index}/evaluate`. */
export const JUDGED_LIMITS = {
  // Queries of one call: with fewer than some hundreds an interval is wide, and more do not end within the deadline; callers send them in slices.
  evaluationQueriesMaxCount: 200,
  // Plans that one call compares: the one in use, and each way to search alone under a few settings.
  evaluationPlansMaxCount: 8,
  // Searches of one call, each leg of each plan of each query: one asks a shard at least once, and a request makes at most 1,000 calls on the platform.
  evaluationSearchesMaxCount: 400,
  // Judgements of one call. Public collections have up to 1,500 a query, most of them of what is not relevant.
  evaluationJudgementsMaxCount: 20_000,
  // Measures of one call: the intervals of each take some 10 ms a plan.
  evaluationMeasuresMaxCount: 8,
  // How deep rankings are measured: no plan answers more.
  evaluationDepthMaxCount: 1_000,
  // How deep they are measured unless a call says more: what legs find.
  evaluationDepthDefaultCount: 100,
  // Matches of rankings in one answer: some 5 MB of JSON.
  evaluationRankedMaxCount: 100_000,
  // Ids that are named of those that are relevant and not in the index: enough to see what is wrong with them.
  evaluationUnknownShownMaxCount: 10,
  // What a judgement says of a document: public collections grade from -2 to 5.
  evaluationGainMax: 1_000_000,
  // The id of a query, as of a vector.
  evaluationQueryIdCharsMax: 512,
} as const;
