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
  // Some kilobyte each; erasing a tenant and revoking descendants reads them all in one transaction.
  keysPerTenantMaxCount: 1_000,
  // Rotations under an idempotency key that a tenant's organisation remembers, some 400 bytes each. Of those forgotten, a repetition
  // makes a new secret; it never brings an old one back.
  rotationReceiptsMaxCount: 10_000,
  // All that an organisation has lives in one object, which stores 10 GB: a megabyte for each tenant.
  tenantsPerOrganisationMaxCount: 10_000,
  // They are lines on a bill, not resources; each is a level that quotas and invoices count.
  projectsPerTenantMaxCount: 100,
  // One object lists them, some 300 bytes each; an isolate reads those whose ids have no signature.
  organisationsMaxCount: 100_000,
  // Counters are added up as exact integers.
  quotaMax: 1_000_000_000_000_000,
  // A bucket counts units times milliseconds of a minute, exactly.
  quotaBurstMax: 100_000_000_000,
  // Rules of one level: each is read at every grant.
  quotaRulesMaxCount: 32,
  // Budgets, credits, charges or webhooks of one organisation: an invoice reads them all.
  billingRecordsMaxCount: 1_000,
  // What an invoice says of a charge; the id of a budget holds that of its level.
  billingTextCharsMax: 128,
  // Each sends an alert a month: more would not be read.
  budgetThresholdsMaxCount: 16,
  // A month's invoice stays a draft for this long, so that usage which an outage held up is on it.
  invoiceGraceMs: 3 * 86_400_000,
  // As much as browsers and proxies take of a URL.
  webhookUrlCharsMax: 2_048,
  // Deliveries of one alarm, side by side, and how long one may take: an alarm has minutes.
  webhookDeliveriesMaxCount: 20,
  // A receiver that needs longer should answer first and work then; it is tried again in any case.
  webhookTimeoutMs: 10_000,
  // An event that comes later than this is refused, because its id may have been forgotten.
  usageLateMaxMs: 40 * 86_400_000,
  // Lines of one answer, some 200 bytes each: 2 MB.
  usageGroupsMaxCount: 10_000,
  // A year and its month before, to compare with.
  usageDaysMax: 400,
} as const;
