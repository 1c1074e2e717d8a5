/** Limits of what objects keep of organisations, keys, quotas, usage, bills and prompts. See `LIMITS`. */
export const TENANCY_STORE_LIMITS = {
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
