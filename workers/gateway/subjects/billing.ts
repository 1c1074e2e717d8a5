import { usageEndpoints } from '../../../src/contract/usage.ts';
import { billingEndpoints } from '../../../src/contract/billing.ts';
import { composeControl } from '../compose-control.ts';
import { usageHandlers } from '../routes/usage.ts';
import { billingHandlers } from '../routes/billing.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(
  composeControl,
  { ...usageEndpoints, ...billingEndpoints },
  { ...usageHandlers, ...billingHandlers },
);
