import type { EndpointName, ENDPOINTS } from '../../endpoints.ts';
import type { ExampleOf } from './example.ts';
import { answered } from './example.ts';

/** Forecasts, service level objectives and the debt register. */
export const planningExamples = {
  getCapacityForecast: { as: 'tenant', query: { horizon_days: 60, level: '0.9' } },
  forecastCapacityHistory: {
    as: 'tenant',
    query: { horizon_days: 14, step: 'day' },
    body: { csv: 'date,value\n2024-11-01,1200\n2024-11-02,1350\n' },
  },
  setCapacityAlerts: { body: { enabled: true, horizon_days: 30 } },
  getCapacityAlerts: {},
  setSlo: {
    params: { slo: 'support-answers' },
    body: { indicator: { kind: 'availability', by: 'route', name: 'support-chat' }, objective: 0.999, window_days: 30 },
  },
  listSlos: {},
  getSlo: { params: { slo: 'support-answers' } },
  deleteSlo: { params: { slo: 'support-answers' } },
  setDebtRepository: {
    body: { repository: 'github.com/example/search', public_key: '11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=' },
  },
  listDebtRepositories: { as: 'tenant' },
  uploadDebtFacts: {
    body: {
      payloadType: 'application/vnd.sluice.debt-facts+json',
      payload: 'e30=',
      signatures: [{ sig: '5VZDAMNgrHKQhuLMgG6CioSHfx645dl08HPgZSJJAVVfuIIVkKM7rMYeOXAc+bRr0lv18FlbviRlUUFDjnoQCw==' }],
    },
    refused: 'invalid_value',
  },
  listDebtFacts: { query: { repository: answered('setDebtRepository', 'id') } },
  listDebtItems: { as: 'tenant', query: { repository: answered('setDebtRepository', 'id'), state: 'open' } },
  getDebtItem: { params: { debt_item: answered('listDebtItems', 'data.0.item') } },
  changeDebtItem: {
    params: { debt_item: answered('listDebtItems', 'data.0.item') },
    body: { action: 'override', minutes: 45, reason: 'two files have to be measured' },
  },
  getDebtPlan: { params: { debt_repository: answered('setDebtRepository', 'id') }, query: { weeks: 13 } },
  getCapacityTeams: { query: { repository: answered('setDebtRepository', 'id') }, refused: 'state_conflict' },
  getDebtOnboarding: {
    params: { debt_repository: answered('setDebtRepository', 'id') },
    query: { component: 'src/search' },
    refused: 'state_conflict',
  },
  getDebtSummary: { as: 'tenant' },
  deleteDebtRepository: { params: { debt_repository: answered('setDebtRepository', 'id') } },
} as const satisfies { readonly [Name in EndpointName]?: ExampleOf<(typeof ENDPOINTS)[Name]> };
