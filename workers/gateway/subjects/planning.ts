import { sloEndpoints } from '../../../src/contract/planning/slos.ts';
import { capacityEndpoints } from '../../../src/contract/planning/capacity.ts';
import { historyEndpoints } from '../../../src/contract/planning/history.ts';
import { teamEndpoints } from '../../../src/contract/debt/teams.ts';
import { costEndpoints } from '../../../src/contract/planning/cost.ts';
import { composePlanning } from '../compose-planning.ts';
import { sloHandlers } from '../routes/planning/slos.ts';
import { capacityHandlers } from '../routes/planning/capacity.ts';
import { costHandlers } from '../routes/planning/cost.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(
  composePlanning,
  { ...sloEndpoints, ...capacityEndpoints, ...historyEndpoints, getCapacityTeams: teamEndpoints.getCapacityTeams, ...costEndpoints },
  { ...sloHandlers, ...capacityHandlers, ...costHandlers },
);
