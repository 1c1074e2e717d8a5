import { sleep } from '../../../../durable-objects/system-time.ts';
import type { SqliteDocuments } from '../../../../src/documents/store/sqlite-documents.ts';
import { DocumentWork } from '../../../../src/gateway/documents/document-work.ts';
import { TenantAuthority } from '../../../../src/gateway/tenancy/tenant-authority.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { organisationOf } from '../../../../src/tenancy/resource-ids.ts';
import { stateOf } from '../../../../src/tenancy/organisation.ts';
import { composeControl } from '../../compose-control.ts';
import { composeRetrieval } from '../../compose-retrieval.ts';
import type { GatewayEnv } from '../../env.ts';
import { piecesOf } from '../files/content-pieces.ts';
import { R2FileWrites } from '../files/r2-file-writes.ts';

/** Works for a slice on the documents of an index; resolves to the pause before the next one, in ms. Null: there is nothing to do. */
export async function advanceDocuments(env: GatewayEnv, store: SqliteDocuments): Promise<number | null> {
  const { clock, tenancy, retrieval } = composeRetrieval(env);
  const { organisations } = tenancy;
  const { files } = composeControl(env).heavy;
  const stored = new R2FileWrites(env.FILES);
  const work = new DocumentWork({
    store,
    clock,
    index: retrieval.documentRows,
    giveWay: () => sleep(0),
    async mayWork({ principal: { tenantId } }) {
      const tenant = await organisations
        .at(organisationOf(tenantId))
        .tenant(tenantId)
        .catch(() => undefined);
      return tenant?.ok === true && stateOf(tenant.value) === 'active' && (await new TenantAuthority(organisations, clock, tenantId).lease()).ok;
    },
    files: {
      async read(tenantId: TenantId, file) {
        const content = await files.read(tenantId, file);
        return content.ok ? ok(piecesOf(content.value)) : content;
      },
      delete: (tenantId: TenantId, file) => stored.delete(tenantId, file),
    },
  });
  const waitMs = await work.advance();
  await tenancy.flush();
  return waitMs;
}
