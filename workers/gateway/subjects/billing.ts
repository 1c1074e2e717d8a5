import { usageEndpoints } from '../../../src/contract/tenancy/usage.ts';
import { billingEndpoints } from '../../../src/contract/tenancy/billing.ts';
import { composeControl } from '../compose-control.ts';
import { usageHandlers } from '../routes/tenancy/usage.ts';
import { billingHandlers } from '../routes/tenancy/billing.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(
  composeControl,
  { ...usageEndpoints, ...billingEndpoints },
  { ...usageHandlers, ...billingHandlers },
);
