import { sleep } from '../../../../durable-objects/system-time.ts';
import type { DocumentAsker, DocumentRecord } from '../../../../src/documents/replacement/document-record.ts';
import { incarnationOf } from '../../../../src/index/index-manifest.ts';
import { DurableIndexes } from '../indexes/durable-indexes.ts';
import { TenantRegistries } from '../indexes/tenant-registries.ts';
import { documentsIn } from './documents-in.ts';
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
      return (
        tenant?.ok === true && stateOf(tenant.value) === 'active' && (await new TenantAuthority(organisations, clock, tenantId).lease()).ok
      );
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

/** An index that may be deleted by now. */
export interface RetiredIndex {
  readonly tenantId: TenantId;
  readonly index: DocumentAsker['index'];
}

/** False: it is there, or that cannot be known now. */
export async function isIndexGone(env: GatewayEnv, { tenantId, index }: RetiredIndex): Promise<boolean> {
  const { organisations } = composeRetrieval(env).tenancy;
  const found = await new DurableIndexes(env.INDEX, new TenantRegistries(env.REGISTRY, organisations), documentsIn(env)).describe(
    tenantId,
    index.name,
  );
  return found.ok ? incarnationOf(found.value) !== index.incarnation : found.error.code === 'index_not_found';
}

/** Files that were made for documents. */
export async function deleteSources(env: GatewayEnv, tenantId: TenantId, files: DocumentRecord['spent']): Promise<void> {
  const stored = new R2FileWrites(env.FILES);
  for (const file of files) await stored.delete(tenantId, file);
}
