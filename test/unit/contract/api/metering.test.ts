import { describe, expect, it } from 'vitest';

import type { Endpoint } from '../../../../src/contract/api/endpoint.ts';
import { ENDPOINTS } from '../../../../src/contract/endpoints.ts';
import { METERS } from '../../../../src/contract/api/meter.ts';
import { SCOPES } from '../../../../src/contract/api/principal.ts';

// The types force each row of the endpoint table to state its access and meters. This test checks what types cannot express: the routes that
// count nothing, and that every meter is used.

const ROWS = Object.entries<Endpoint>(ENDPOINTS);

describe('what is metered', () => {
  it('[T51] covers every route except those without a key, of the admin and of agents', () => {
    const open = ROWS.filter(([, { access }]) => access.kind === 'public').map(([name]) => name);
    // The last two are the agents', who show what was signed for them.
    const known = [
      'health',
      'kserveLive',
      'kserveReady',
      'kserveServer',
      'qdrantHealth',
      'qdrantLiveness',
      'qdrantReadiness',
      'qdrantVersion',
      'ready',
      'readTransfer',
      'writeTransfer',
    ];
    expect(open.sort()).toEqual(known.sort());
    const agents = ROWS.filter(([, { access }]) => access.kind === 'agent').map(([, { path }]) => path);
    expect(agents.filter((path) => !path.startsWith('/v1/pools/:pool/'))).toEqual([]);
    // The admin manages; its routes neither store nor compute anything of tenants.
    const managed = /^\/v1\/(cohorts|organisations|tenants|quotas|budgets|invoices|credits|charges|webhooks|alerts|audit|pools)\b/;
    const admin = ROWS.filter(([, { access }]) => access.kind === 'admin').map(([, { path }]) => path);
    expect(admin.filter((path) => !managed.test(path))).toEqual([]);
  });

  it('[T51] uses every scope and every meter, and no route names a meter twice', () => {
    const scopes = new Set(ROWS.flatMap(([, { access }]) => ('scope' in access ? [access.scope] : [])));
    // Agents use the token of their pool, the admin its key.
    expect(SCOPES.filter((scope) => !scopes.has(scope))).toEqual(['pools:agent', 'pools:admin']);
    const meters = new Set(ROWS.flatMap(([, endpoint]) => endpoint.meters));
    // The scheduler charges what an attempt of a job consumes; every route counts a request.
    expect(METERS.filter((meter) => !meters.has(meter))).toEqual(['requests', 'accelerator_ms']);
    for (const [name, { meters: own }] of ROWS) expect(new Set(own).size, name).toBe(own.length);
  });
});
