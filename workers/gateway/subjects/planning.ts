import { sloEndpoints } from '../../../src/contract/slos.ts';
import { capacityEndpoints } from '../../../src/contract/capacity.ts';
import { teamEndpoints } from '../../../src/contract/teams.ts';
import { costEndpoints } from '../../../src/contract/cost.ts';
import { composePlanning } from '../compose-planning.ts';
import { sloHandlers } from '../../planning/routes/slos.ts';
import { capacityHandlers } from '../../planning/routes/capacity.ts';
import { costHandlers } from '../../planning/routes/cost.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(
  composePlanning,
  { ...sloEndpoints, ...capacityEndpoints, getCapacityTeams: teamEndpoints.getCapacityTeams, ...costEndpoints },
  { ...sloHandlers, ...capacityHandlers, ...costHandlers },
);
