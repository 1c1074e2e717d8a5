import type { PLANNING_ENDPOINTS } from '../../src/contract/planning-endpoints.ts';
import type { HandlersOf } from '../gateway/serve.ts';
import { capacityHandlers } from './routes/capacity.ts';
import { costHandlers } from './routes/cost.ts';
import { debtHandlers } from './routes/debt.ts';
import { sloHandlers } from './routes/slos.ts';

/** What answers each endpoint of the planning Worker, by its name in the endpoint table. Routes are registered in this order. */
export const PLANNING_HANDLERS: HandlersOf<typeof PLANNING_ENDPOINTS> = {
  ...capacityHandlers,
  ...sloHandlers,
  ...debtHandlers,
  ...costHandlers,
};
