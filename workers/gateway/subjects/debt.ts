import { debtEndpoints } from '../../../src/contract/debt.ts';
import { teamEndpoints } from '../../../src/contract/teams.ts';
import { composePlanning } from '../compose-planning.ts';
import { debtHandlers } from '../../planning/routes/debt.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(
  composePlanning,
  { ...debtEndpoints, getDebtOnboarding: teamEndpoints.getDebtOnboarding },
  debtHandlers,
);
