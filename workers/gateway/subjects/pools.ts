import { poolEndpoints } from '../../../src/contract/pools/pools.ts';
import { agentEndpoints } from '../../../src/contract/pools/agent-protocol.ts';
import { agentBuildEndpoints } from '../../../src/contract/pools/agent-builds.ts';
import { agentModelEndpoints } from '../../../src/contract/pools/agent-models.ts';
import { agentNoticeEndpoints } from '../../../src/contract/pools/agent-notices.ts';
import { transferEndpoints } from '../../../src/contract/pools/transfers.ts';
import { composeControl } from '../compose-control.ts';
import { agentHandlers, poolHandlers } from '../routes/pools/pools.ts';
import { attemptModelHandlers } from '../routes/pools/attempt-models.ts';
import { transferHandlers } from '../routes/pools/transfers.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(
  composeControl,
  { ...poolEndpoints, ...agentEndpoints, ...agentBuildEndpoints, ...agentModelEndpoints, ...agentNoticeEndpoints, ...transferEndpoints },
  { ...agentHandlers, ...poolHandlers, ...attemptModelHandlers, ...transferHandlers },
);
