/** Limits of forecasts, service level objectives and the debt register. */
export const PLANNING_LIMITS = {
  // Days of a forecast: beyond half a year its interval is too wide to plan by.
  forecastDaysMax: 180,
  // Hours that a forecast of days divides among: enough for the shares of the busiest hours, few enough for one answer of the ledger.
  forecastHourlyDays: 14,
  // A forecast by the hour reaches so far: a week repeats itself, further on days do.
  forecastHourlyDaysMax: 7,
  // Each is a call of an index and of its shards; a request may make a thousand.
  forecastIndexesMaxCount: 50,
  // Each is a call for a page of its nodes.
  forecastPoolsMaxCount: 50,
  // Rules of quotas and budgets that one forecast compares with.
  forecastCeilingsMaxCount: 200,
  // Bytes of a history that is sent: three years by the hour take less, and reading so many is one step of at most a tenth of a second of CPU.
  historyBodyBytesMax: 1024 * 1024,
  // Rows of a history: two years by the hour, or a list of events; reading so many takes less than a tenth of a second of CPU.
  historyRowsMaxCount: 20_000,
  // Fields of a row: billing exports have a column for each service.
  historyColumnsMaxCount: 200,
  // Steps of all series of a history from the first to the last: half a year by the hour, which takes a tenth of a second of CPU to forecast.
  historyStepsMaxCount: 4_500,
  // Series of a history: others have their turn between two of them.
  historySeriesMaxCount: 8,
  // Characters of a column's or a series' name.
  historyNameCharsMax: 200,
  // Objectives of one tenant: all are observed each minute, each by a call or two.
  slosMaxCount: 50,
  // Days of an objective's window: a quarter, as plans are made for no longer.
  sloWindowDaysMax: 90,
  // How often objectives are observed: the shortest span of a burn rate is five minutes.
  sloObservedEveryMs: 60_000,
  // Events in the long span of a burn rate before it may fire: one failure of three is no outage.
  sloEventsMin: 20,
  // How often recall is measured: it changes with what is written, over days.
  sloRecallEveryMs: 6 * 3_600_000,
  // Each is an exhaustive search around a stored vector; of twenty the mean is known to some per cent, and those of days add up.
  sloRecallSamplesCount: 20,
  // Jobs that one observation of a queue reads; the next one reads on.
  sloJobsMaxCount: 1_000,
  // Repositories of one organisation: one call shows all of them, each with some 30 kB of components, within 32 MiB. What the gateway measures of each
  // tenant is a small one more, and is not counted.
  debtRepositoriesMaxCount: 500,
  // Facts of one repository, some 500 bytes each: all are in memory while its rules run.
  debtStoredFactsMaxCount: 20_000,
  // The same as JSON: with the items that are made of them they fit the 128 MB of an isolate.
  debtStoredFactsBytesMax: 16 * 1024 * 1024,
  // An item is a row of at most 2 MB, with up to 64 facts as its evidence.
  debtFactBytesMax: 16 * 1024,
  // A repository is a row of at most 2 MB; a policy of some thousand paths has 100 kB.
  debtPolicyBytesMax: 512 * 1024,
  // Of one repository: a fact may be several items, as of a component without any ML test, and all are in memory while rules run.
  debtOpenItemsMaxCount: 20_000,
  // Of one repository, those closed last: all items are in memory while rules run.
  debtClosedItemsMaxCount: 2_000,
  // Of one repository in a summary, which has all repositories of an organisation in one call of 32 MiB.
  debtComponentsShownMaxCount: 100,
  // Seconds from signing to upload: the delay of a slow CI and an error of its clock.
  debtSignedWithinS: 600,
  // Days of a trend: two years.
  debtHistoryDaysMax: 730,
  // Events shown with an item; all are kept as long as the item.
  debtEventsShownMaxCount: 100,
  // How often rules run without an upload: facts expire after an hour at the soonest.
  debtAssessedEveryMs: 3_600_000,
  // One repository's rules take seconds at most; after this long another alarm goes on where one was interrupted.
  debtTurnMaxMs: 60_000,
} as const;
