import type { DocumentAsker } from '../../../../src/documents/replacement/document-record.ts';
import { documentsName } from '../../../../src/gateway/documents/documents.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import type { DocumentsStub, GatewayEnv } from '../../env.ts';

/** The object of an index's documents. */
export const documentsIn =
  ({ DOCUMENTS }: Pick<GatewayEnv, 'DOCUMENTS'>) =>
  (tenantId: TenantId, index: DocumentAsker['index']): DocumentsStub =>
    DOCUMENTS.getByName(documentsName(tenantId, index));
