import type { AttemptId } from '../../../../src/kernel/ids.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { accepted, downloadOf, uploadOf } from '../files/artifacts.ts';
import { replied, seconds } from '../wire.ts';

/** Files of attempts by signed URLs. */
export const transferHandlers = {
  signTransfer: async ({ gateway, principal, params, body }) => {
    const hold = { poolId: principal.poolId, partition: principal.partition, attemptId: params.attempt as AttemptId, fence: body.fence };
    return replied(gateway.heavy.transfers.sign(hold, body), ({ url, sha256, expiresAtMs }) => ({
      url,
      sha256,
      expires_at: seconds(expiresAtMs),
    }));
  },
  readTransfer: async ({ gateway, params }) => {
    const transfer = await gateway.heavy.transfers.open(params.token, 'GET');
    if (!transfer.ok) return transfer;
    const { artifact, index } = transfer.value;
    const { attempts } = gateway.heavy;
    return downloadOf(artifact === 'input' ? await attempts.input(transfer.value, index) : await attempts.checkpoint(transfer.value));
  },
  writeTransfer: async ({ gateway, params, request }) => {
    const transfer = await gateway.heavy.transfers.open(params.token, 'PUT');
    if (!transfer.ok) return transfer;
    const { artifact, index, sha256 = '' } = transfer.value;
    const upload = uploadOf(request, sha256);
    const { attempts } = gateway.heavy;
    return accepted(
      artifact === 'output'
        ? await attempts.output(transfer.value, index, upload)
        : await attempts.saveCheckpoint(transfer.value, sha256, upload),
    );
  },
} satisfies Partial<Handlers>;
