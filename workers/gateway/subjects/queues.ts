import { queueEndpoints } from '../../../src/contract/queues.ts';
import { cohortEndpoints } from '../../../src/contract/cohorts.ts';
import { reservationEndpoints } from '../../../src/contract/reservations.ts';
import { composeControl } from '../compose-control.ts';
import { cohortHandlers, queueHandlers } from '../routes/queues.ts';
import { reservationHandlers } from '../routes/reservations.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(
  composeControl,
  { ...queueEndpoints, ...cohortEndpoints, ...reservationEndpoints },
  { ...cohortHandlers, ...queueHandlers, ...reservationHandlers },
);
