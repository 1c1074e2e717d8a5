import { poolEndpoints } from '../../../src/contract/pools.ts';
import { agentEndpoints } from '../../../src/contract/agent-protocol.ts';
import { agentBuildEndpoints } from '../../../src/contract/agent-builds.ts';
import { agentModelEndpoints } from '../../../src/contract/agent-models.ts';
import { transferEndpoints } from '../../../src/contract/transfers.ts';
import { composeControl } from '../compose-control.ts';
import { agentHandlers, poolHandlers } from '../routes/pools.ts';
import { attemptModelHandlers } from '../routes/attempt-models.ts';
import { transferHandlers } from '../routes/transfers.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(
  composeControl,
  { ...poolEndpoints, ...agentEndpoints, ...agentBuildEndpoints, ...agentModelEndpoints, ...transferEndpoints },
  { ...agentHandlers, ...poolHandlers, ...attemptModelHandlers, ...transferHandlers },
);
