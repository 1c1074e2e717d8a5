import { queueEndpoints } from '../../../src/contract/queues/queues.ts';
import { cohortEndpoints } from '../../../src/contract/queues/cohorts.ts';
import { reservationEndpoints } from '../../../src/contract/queues/reservations.ts';
import { composeControl } from '../compose-control.ts';
import { cohortHandlers, queueHandlers } from '../routes/queues/queues.ts';
import { reservationHandlers } from '../routes/queues/reservations.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(
  composeControl,
  { ...queueEndpoints, ...cohortEndpoints, ...reservationEndpoints },
  { ...cohortHandlers, ...queueHandlers, ...reservationHandlers },
);
