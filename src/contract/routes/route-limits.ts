/** Limits of routes: of their rules, and of the evidence that canaries and cascades rest on. */
export const ROUTE_LIMITS = {
  // A directory of routes is read whole by each isolate, once a second while it is used.
  routesMaxCount: 100,
  // How old an isolate's copy of an owner's routes may be: calls follow an activation within this time.
  routesFreshMs: 1_000,
  // How long an isolate uses its copy while the object that stores the routes does not answer: as long as for keys.
  routesStaleMs: 300_000,
  // Owners whose routes an isolate holds.
  routeOwnersKnownMaxCount: 256,
  // Kept so that any of them can be activated again; the oldest that serves nothing is dropped for a new one.
  routeVersionsMaxCount: 50,
  // Each rule may be judged for each request.
  routeRulesMaxCount: 64,
  // Of a version, those inside of others included: judging as many takes some 10 us.
  routeConditionsMaxCount: 256,
  // More alternatives are better expressed by metadata of the request.
  routeBranchesMaxCount: 16,
  // Of one list, such as the countries of a region.
  routeValuesMaxCount: 64,
  // Long enough for the value of a header or a metadata field.
  routeTextCharsMax: 256,
  // Each further group is tried only when all before it failed.
  routeGroupsMaxCount: 8,
  // Targets that share the load of one group.
  routeGroupTargetsMaxCount: 16,
  // One part in ten thousand can be given as a weight.
  routeWeightMax: 10_000,
  // Read whole with the routes of its owner.
  routeVersionBytesMax: 64 * 1024,
  // Steps of a canary from its first share to all requests.
  canaryStepsMaxCount: 10,
  // Of rolling back a version that is not worse, over its whole canary: once in a hundred.
  canaryFalseAlarmMax: 0.01,
  // Fewer measurements say too little: until then a calibrated cascade asks the teacher.
  calibrationOutcomesMinCount: 50,
  // Beyond these, the measurements of a cascade are halved: so that it follows models and questions that change.
  calibrationOutcomesMaxCount: 10_000,
  // Cascades of one route whose measurements are kept, 1 kB each: those of its latest versions.
  routeCascadesMaxCount: 16,
  // The largest share of requests for which the teacher is asked only to measure the student. A higher threshold is a better use of more.
  cascadeShadowShareMax: 0.1,
  // The share of escalations holds in each such time: long enough for a rare route to have requests, short enough to be seen in a day.
  cascadeWindowMs: 600_000,
  // A student's answer that streams is held until it is judged. A longer one is passed on as it is: 64 such calls take 16 MB.
  cascadeHeldBytesMax: 256 * 1024,
} as const;
