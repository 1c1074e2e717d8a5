/** Limits of organisations, keys, quotas, usage and bills, and of what objects keep of them. */
export const TENANCY_LIMITS = {
  // Longer grace would make a rotation after a leak pointless.
  keyGraceMaxMs: 30 * 86_400_000,
  // Ranges and names a key is restricted to: they are read at each of its requests.
  keyAddressesMaxCount: 64,
  // Patterns of indexes and models: each is compared with what a request touches.
  keyResourcesMaxCount: 64,
  // Labels of documents that a key reads: shards look each up in an index of values at each of its searches.
  keyLabelsMaxCount: 100,
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
  // Short of these, a key or a pepper could be guessed: 32 characters of base 32 are 160 bits.
  adminSecretCharsMin: 32,
  // A revoked key stops within this time: every isolate re-reads a key it last read longer ago.
  keyFreshMs: 1_000,
  // How long a write may be on its way after its key was checked, and by how much the clocks of gateways and objects may differ.
  writeLeaseGuardMs: 500,
  // A call under way ends within this time once its key is revoked or has expired, or its tenant is suspended or erased.
  authorityEndMs: 1_500,
  // A call that lasts no longer is not watched: nearly all do, and pay nothing.
  authorityWatchAfterMs: 250,
  // How often a call looks whether its right has ended: a leader that died is missed after two looks, and the news takes two more, which together
  // stay within `authorityEndMs`.
  authorityLookMs: 350,
  // How long an isolate's question waits at the organisation's object: what the platform lets a request do after its answer is 30 s.
  authorityWatchMs: 25_000,
  // The same while not all calls of the isolate have looked: then it asks again with what they have found.
  authorityWatchBehindMs: 1_000,
  // A call that has not looked for so long died with its request, and so did an isolate that does not ask again.
  authorityCallLostMs: 5_000,
  // A key is refused only on a record this new, so that a new secret works at once and guessing asks ten times a second.
  keyDoubtedMs: 100,
  // How long a known key keeps working while its organisation cannot be reached.
  keyUnconfirmedMs: 300_000,
  // Keys an isolate remembers, a few hundred bytes each.
  keysCachedMaxCount: 10_000,
  // Ids that no key has, remembered apart, so that invented ones push out no real key.
  keysUnknownCachedMaxCount: 1_000,
  // How often an isolate looks whether there are ids of organisations and pools without a signature that it does not know: an older gateway
  // could make some while a newer one is rolled out.
  unsignedIdsFreshMs: 60_000,
  // What a tenant may take a minute by default: more than one isolate serves, less than a runaway loop.
  quotaDefaultRequestsPerMinute: 600_000,
  // What the same isolates embed of short texts in that time.
  quotaDefaultTokensPerMinute: 100_000_000,
  // Asks of one message to the quota object, some 300 bytes each: itty-durable sends them in a header.
  quotaAsksMaxCount: 100,
  // Usage that an isolate holds while the ledger cannot be reached, some 200 bytes a line.
  usagePendingMaxCount: 20_000,
  // Events of one call to the ledger; each costs two indexed writes.
  usageBatchMaxCount: 500,
  // How long usage may wait in an isolate, and so be lost with it: at a dollar a second, a quarter of a dollar. Four messages a second.
  usageFlushMs: 250,
  // How often an isolate looks for slices of quota that no call has drawn on since it last did, and hands them in.
  sliceIdleMs: 1_000,
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
  // Budgets, credits, charges or webhooks of one organisation: an invoice reads them all.
  billingRecordsMaxCount: 1_000,
  // A month's invoice stays a draft for this long, so that usage which an outage held up is on it.
  invoiceGraceMs: 3 * 86_400_000,
  // Deliveries of one alarm, side by side, and how long one may take: an alarm has minutes.
  webhookDeliveriesMaxCount: 20,
  // A receiver that needs longer should answer first and work then; it is tried again in any case.
  webhookTimeoutMs: 10_000,
  // An event that comes later than this is refused, because its id may have been forgotten.
  usageLateMaxMs: 40 * 86_400_000,
  // How long the ledger knows how calls were answered: all of an objective's usual window, a row of some 300 bytes an hour for each endpoint.
  callCountsDaysMax: 35,
  // How long distributions of inputs are kept: a week and four before it, a row of some 150 bytes a day for each model and index.
  inputCountsDaysMax: 35,
  // Lines of one answer, some 200 bytes each: 2 MB.
  usageGroupsMaxCount: 10_000,
  // A reservation that was never settled stays spent; after this long it can no longer be settled.
  reservationMaxMs: 86_400_000,
  // Names that a tenant has used. A deleted one keeps its place, so that the numbers of its versions are not used again.
  promptsMaxCount: 5_000,
  // Versions are never edited, and all of them stay: a call may name any.
  promptVersionsMaxCount: 1_000,
} as const;
