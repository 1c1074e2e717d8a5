/** Limits of technical debt: of facts, of what people may change about an item, and of what collectors read. */
export const DEBT_LIMITS = {
  // Facts of one file: a repository of 100,000 source files has some three for each.
  debtFactsMaxCount: 500_000,
  // A path, a package or the name of a model or index, with its symbol: what one row of a register may have as its key.
  debtSubjectCharsMax: 1_024,
  // A hash, a licence or an owner as the value of a fact: a sentence, not a document.
  debtValueCharsMax: 1_024,
  // A measured number, of either sign: no repository has so much of anything, and prices, which are products and sums of them, stay finite.
  debtNumberMax: 1e12,
  // Named details of one fact: shown with its item, never decided by.
  debtDetailsMaxCount: 16,
  // A fact is measured again within a year, or it is not evidence.
  debtTtlMaxS: 366 * 86_400,
  // Accepting debt for longer than a quarter is forgetting it.
  debtAcceptedDaysMax: 90,
  // A reason of an acceptance or an override: some sentences.
  debtReasonCharsMax: 1_000,
  // Minutes that a person may state as the cost of an item: a year of work. More is a project.
  debtOverrideMinutesMax: 120_000,
  // Components of one repository or organisation: each is a row of the report that people read.
  debtComponentsMaxCount: 2_000,
  // Features of one roadmap: a plan simulates each week of each.
  debtRoadmapFeaturesMaxCount: 500,
  // Weeks that a plan looks ahead: two years. Estimates of more say nothing.
  debtPlanWeeksMax: 104,
} as const;
