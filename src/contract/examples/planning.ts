import type { EndpointName, ENDPOINTS } from '../endpoints.ts';
import type { ExampleOf } from './example.ts';

/** Forecasts, service level objectives and the debt register. */
export const planningExamples = {
  getCapacityForecast: { as: 'tenant', query: { horizon_days: 60, level: '0.9' } },
  setCapacityAlerts: { body: { enabled: true, horizon_days: 30 } },
  getCapacityAlerts: {},
  setSlo: {
    params: { slo: 'support-answers' },
    body: { indicator: { kind: 'availability', by: 'route', name: 'support-chat' }, objective: 0.999, window_days: 30 },
  },
  listSlos: {},
  getSlo: { params: { slo: 'support-answers' } },
  deleteSlo: { params: { slo: 'support-answers' } },
} as const satisfies { readonly [Name in EndpointName]?: ExampleOf<(typeof ENDPOINTS)[Name]> };
