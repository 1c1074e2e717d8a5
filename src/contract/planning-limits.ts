/** Limits of forecasts, service level objectives and the debt register. See `LIMITS`. */
export const PLANNING_LIMITS = {
  // Beyond half a year an interval says nothing that a plan could use.
  forecastDaysMax: 180,
  // Hours that a forecast of days divides among: enough for the shares of the busiest hours, few enough for one answer of the ledger.
  forecastHourlyDays: 14,
  // A forecast by the hour reaches so far: a week repeats itself, further on days do.
  forecastHourlyDaysMax: 7,
  // Each is a call of an index and of its shards; a request may make a thousand.
  forecastIndexesMaxCount: 50,
  // Rules of quotas and budgets that one forecast compares with.
  forecastCeilingsMaxCount: 200,
} as const;
