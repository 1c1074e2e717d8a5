import type { EndpointName, ENDPOINTS } from '../endpoints.ts';
import type { ExampleOf } from './example.ts';

/** Forecasts, service level objectives and the debt register. */
export const planningExamples = {
  getCapacityForecast: { as: 'tenant', query: { horizon_days: 60, level: '0.9' } },
} as const satisfies { readonly [Name in EndpointName]?: ExampleOf<(typeof ENDPOINTS)[Name]> };
