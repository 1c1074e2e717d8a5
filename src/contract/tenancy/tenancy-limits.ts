/** Limits of organisations, keys, quotas, usage and bills. See `LIMITS`. */
export const TENANCY_LIMITS = {
  // Longer grace would make a rotation after a leak pointless.
  keyGraceMaxMs: 30 * 86_400_000,
  // Ranges and names a key is restricted to: they are read at each of its requests.
  keyAddressesMaxCount: 64,
  // Patterns of indexes and models: each is compared with what a request touches.
  keyResourcesMaxCount: 64,
  // How many keys may have made one another: each is a level that a grant counts at.
  keyLineageMaxCount: 4,
  // Counters are added up as exact integers.
  quotaMax: 1_000_000_000_000_000,
  // A bucket counts units times milliseconds of a minute, exactly.
  quotaBurstMax: 100_000_000_000,
  // Rules of one level: each is read at every grant.
  quotaRulesMaxCount: 32,
  // What an invoice says of a charge; the id of a budget holds that of its level.
  billingTextCharsMax: 128,
  // Each sends an alert a month: more would not be read.
  budgetThresholdsMaxCount: 16,
  // As much as browsers and proxies take of a URL.
  webhookUrlCharsMax: 2_048,
  // A year and its month before, to compare with.
  usageDaysMax: 400,
  // Origins that a key may be used from: they are compared with the page at each request of a browser.
  keyOriginsMaxCount: 32,
} as const;
