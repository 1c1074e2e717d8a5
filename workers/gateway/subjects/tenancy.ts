import { organisationEndpoints } from '../../../src/contract/tenancy/organisations.ts';
import { keyEndpoints } from '../../../src/contract/tenancy/keys.ts';
import { quotaEndpoints } from '../../../src/contract/tenancy/quotas.ts';
import { composeControl } from '../compose-control.ts';
import { organisationHandlers } from '../routes/tenancy/organisations.ts';
import { keyHandlers } from '../routes/tenancy/keys.ts';
import { quotaHandlers } from '../routes/tenancy/quotas.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(
  composeControl,
  { ...organisationEndpoints, ...keyEndpoints, ...quotaEndpoints },
  { ...organisationHandlers, ...keyHandlers, ...quotaHandlers },
);
