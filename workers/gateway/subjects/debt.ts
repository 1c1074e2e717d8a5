import { debtEndpoints } from '../../../src/contract/debt/debt.ts';
import { teamEndpoints } from '../../../src/contract/debt/teams.ts';
import { composePlanning } from '../compose-planning.ts';
import { debtHandlers } from '../routes/debt.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(
  composePlanning,
  { ...debtEndpoints, getDebtOnboarding: teamEndpoints.getDebtOnboarding },
  debtHandlers,
);
