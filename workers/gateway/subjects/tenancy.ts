import { organisationEndpoints } from '../../../src/contract/organisations.ts';
import { keyEndpoints } from '../../../src/contract/keys.ts';
import { quotaEndpoints } from '../../../src/contract/quotas.ts';
import { composeControl } from '../compose-control.ts';
import { organisationHandlers } from '../routes/organisations.ts';
import { keyHandlers } from '../routes/keys.ts';
import { quotaHandlers } from '../routes/quotas.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(
  composeControl,
  { ...organisationEndpoints, ...keyEndpoints, ...quotaEndpoints },
  { ...organisationHandlers, ...keyHandlers, ...quotaHandlers },
);
