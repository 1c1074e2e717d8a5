import type { EndpointName, ENDPOINTS } from '../../endpoints.ts';
import { answered } from './example.ts';
import type { ExampleOf } from './example.ts';

const ORGANISATION = answered('createOrganisation', 'id');
const TENANT = answered('createTenant', 'id');
const KEY = answered('createKey', 'id');
const period = '2026-11';
const organisation = { organisation: ORGANISATION };

/** An organisation `acme` with a tenant and a key, its quotas and bills. */
export const tenancyExamples = {
  createOrganisation: { body: { name: 'acme', owner: 'acme-ops' } },
  listOrganisations: { query: { limit: 100 } },
  getOrganisationCache: { params: organisation },
  setOrganisationCache: { params: organisation, body: { shared: true } },
  createTenant: { body: { organisation: ORGANISATION, name: 'acme-prod', owner: 'acme-ops' } },
  listTenants: { query: organisation },
  getTenant: { params: { tenant: TENANT } },
  createProject: { as: 'admin', body: { tenant: TENANT, name: 'checkout', owner: 'acme-ops' } },
  listProjects: { as: 'admin', query: { tenant: TENANT } },
  createKey: {
    as: 'admin',
    body: { tenant: TENANT, name: 'checkout', owner: 'acme-ops', scopes: ['inference', 'index:read'], resources: ['index/articles'] },
  },
  listKeys: { as: 'admin', query: { tenant: TENANT } },
  getKey: { as: 'admin', params: { key: KEY } },
  rotateKey: { as: 'admin', params: { key: KEY }, body: { grace_seconds: 3600 } },
  revokeKey: { as: 'admin', params: { key: KEY } },
  suspendTenant: { params: { tenant: TENANT } },
  resumeTenant: { params: { tenant: TENANT } },
  eraseTenant: { params: { tenant: TENANT } },
  verifyErasure: { params: { tenant: TENANT } },
  listAudit: { query: organisation },

  setQuota: { body: { tenant: TENANT, rules: [{ resource: 'requests', window: 'minute', limit: 600 }] } },
  getQuota: { as: 'admin', query: { tenant: TENANT } },
  getUsage: { as: 'tenant', query: { group_by: 'day,model' } },
  getInvoice: { as: 'tenant', params: { period } },
  getInvoiceCsv: { as: 'tenant', params: { period } },
  getInvoiceHtml: { as: 'tenant', params: { period } },
  listInvoices: { query: organisation },
  reconcileInvoice: { params: { period }, query: organisation },
  createCredit: { body: { organisation: ORGANISATION, description: 'welcome', amount_usd: '25' } },
  listCredits: { query: organisation },
  createCharge: { body: { organisation: ORGANISATION, description: 'team plan', monthly_usd: '20', starts_at: 1_767_225_600 } },
  listCharges: { query: organisation },
  setBudget: { body: { organisation: ORGANISATION, amount_usd: '100', thresholds: [50, 80, 100] } },
  listBudgets: { query: organisation },
  deleteBudget: { params: { budget: answered('setBudget', 'id') }, query: organisation },
  createWebhook: { body: { organisation: ORGANISATION, url: 'https://example.com/sluice-alerts' } },
  listWebhooks: { query: organisation },
  deleteWebhook: { params: { webhook: answered('createWebhook', 'id') }, query: organisation },
  listAlerts: { query: organisation },
} as const satisfies { readonly [N in EndpointName]?: ExampleOf<(typeof ENDPOINTS)[N]> };
