import type { DocumentAsker } from '../../../../src/documents/replacement/document-record.ts';
import { documentsName } from '../../../../src/gateway/documents/documents.ts';
import type { RowReaders } from '../../../../src/gateway/vectors/visible/row-readers.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { ask } from '../api/ask.ts';
import type { DocumentsStub, GatewayEnv } from '../../env.ts';

const UNREACHABLE = 'the documents of the index cannot be reached';

/** What readers of an index's rows ask that object. */
export const rowReadersIn =
  (env: Pick<GatewayEnv, 'DOCUMENTS'>) =>
  (tenantId: TenantId, index: DocumentAsker['index']): RowReaders => {
    const answer = <T>(call: (documents: DocumentsStub) => Promise<T>) =>
      ask(UNREACHABLE, async () => ok(await call(documentsIn(env)(tenantId, index))));
    return {
      hidden: (namespace, ids) => answer((documents) => documents.hidden(namespace, ids)),
      edition: () => answer((documents) => documents.edition()),
      owners: (namespace, ids) => answer((documents) => documents.owners(namespace, ids)),
      count: () => answer((documents) => documents.count()),
    };
  };

/** The object of an index's documents. */
export const documentsIn =
  ({ DOCUMENTS }: Pick<GatewayEnv, 'DOCUMENTS'>) =>
  (tenantId: TenantId, index: DocumentAsker['index']): DocumentsStub =>
    DOCUMENTS.getByName(documentsName(tenantId, index));
