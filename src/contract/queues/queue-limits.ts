/** Limits of queues, cohorts and reservations. */
export const QUEUE_LIMITS = {
  // Queues of one tenant, each a leaf of the tree that shares are compared in.
  queuesMaxCount: 64,
  // Of one queue or cohort: types of accelerators, and cores. Each is an account in every cohort above.
  quotaResourcesMaxCount: 16,
  // Ten accelerators for each of as many agents as a cell has.
  quotaAmountMax: 1_000_000,
  // Of one tenant: all of a cell are gone through when one begins or ends.
  reservationsMaxCount: 64,
  // Machines of one reservation: their ids are a part of its record, and are compared with those where a job could run.
  reservationNodesMaxCount: 1_000,
  // Finer shares than these make no difference that a user could see.
  queueWeightMax: 1_000,
  // Of a queue whose jobs take turns: in shorter rounds they would save and load more than they work.
  timeSliceRoundMinS: 10,
  // In longer rounds those that wait would do so for days.
  timeSliceRoundMaxS: 86_400,
  // What a job takes to save and to begin again: its grace, and as long to load.
  timeSliceMoveMaxS: 7_200,
  // The tree is gone through whenever it changes, and when jobs are evicted for others.
  cohortsMaxCount: 500,
  // Cohorts between the root and a tenant. Quota that is borrowed is looked for at each level.
  cohortDepthMax: 5,
} as const;
